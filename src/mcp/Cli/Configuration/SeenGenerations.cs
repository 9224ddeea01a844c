using System.Text.Json;
using System.Text.Json.Serialization;
using Mcp.Files;

namespace Mcp.Cli.Configuration;

/// <summary>
/// Which generation of each service this machine saw last. Deploy sends it, so that a change somebody else made meanwhile is refused with
/// who, when and the difference instead of being overwritten unseen.
/// </summary>
internal sealed class SeenGenerations(string path)
{
    /// <summary>The generation seen last; 0 when none was.</summary>
    public ulong Of(string service) => Read().GetValueOrDefault(service);

    /// <summary>All of them.</summary>
    public IReadOnlyDictionary<string, ulong> All => Read();

    /// <summary>Remembers what the operator has just been shown or has made.</summary>
    public void Remember(IEnumerable<KeyValuePair<string, ulong>> seen)
    {
        var all = Read();
        var before = all.Count == 0 ? [] : new Dictionary<string, ulong>(all, StringComparer.Ordinal);
        foreach (var (service, generation) in seen)
        {
            if (generation == 0)
                all.Remove(service);
            else
                all[service] = generation;
        }
        if (all.Count != before.Count || all.Any(p => before.GetValueOrDefault(p.Key) != p.Value))
            DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(all, SeenJson.Default.SortedDictionaryStringUInt64), DurableFile.Secret);
    }

    private SortedDictionary<string, ulong> Read()
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), SeenJson.Default.SortedDictionaryStringUInt64) ?? [] : [];
        }
        catch (JsonException)
        {
            // Only a memory: without it the next deploy of an existing service asks the operator to look first, and nothing is lost.
            return [];
        }
    }
}

/// <summary>The generated reader and writer of the file.</summary>
[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(SortedDictionary<string, ulong>))]
internal sealed partial class SeenJson : JsonSerializerContext;
