using System.Text.Json;
using Mcp.Files;
using Mcp.V1;

namespace Mcp.Cli.Configuration;

/// <summary>
/// The addresses of the fleet's nodes as the master last told them to this machine, so that <c>--direct</c> works on the day when there is no
/// master to ask. Only a memory: <c>[[nodes]]</c> of the configuration comes first, and whoever answers is verified by identity, not by address.
/// </summary>
internal sealed class KnownNodes(string path)
{
    /// <summary>The nodes by name.</summary>
    public IReadOnlyList<DirectNode> All() => [.. Read().Select(n => new DirectNode(n.Key, [n.Value]))];

    /// <summary>Remembers what the master has just said; nodes that it no longer names are forgotten.</summary>
    public void Remember(IEnumerable<NodeSummary> nodes)
    {
        var now = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var node in nodes.Where(n => n.Address.Length > 0))
            now[node.Name] = node.Address;
        if (!now.SequenceEqual(Read()))
            DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(now, SeenJson.Default.SortedDictionaryStringString), DurableFile.Secret);
    }

    private SortedDictionary<string, string> Read()
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), SeenJson.Default.SortedDictionaryStringString) ?? [] : [];
        }
        catch (JsonException)
        {
            // The next answer of the master writes it anew.
            return [];
        }
    }
}
