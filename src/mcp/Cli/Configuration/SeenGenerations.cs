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
            if (!File.Exists(path))
                return [];
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var all = new SortedDictionary<string, ulong>();
            foreach (var entry in document.RootElement.EnumerateObject())
                all[entry.Name] = entry.Value.GetUInt64();
            return all;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // Damaged. Only a memory: without it the next deploy of an existing service asks the operator to look first, and nothing is lost.
            return [];
        }
    }
}

/// <summary>The generated writer of the file.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, WriteIndented = true)]
[JsonSerializable(typeof(SortedDictionary<string, ulong>))]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
internal sealed partial class SeenJson : JsonSerializerContext;
