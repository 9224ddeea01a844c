using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mcp.Alerts;

/// <summary>
/// What the alert command reads on stdin: one JSON object on one line, UTF-8. The schema is a contract, told in docs/operations.md: names stay, every
/// name is always there (empty when there is nothing to say), new ones may come, and <see cref="Version"/> rises when that is not enough.
/// </summary>
/// <param name="Version">1.</param>
/// <param name="State">"opened": it began; "closed": it is over; "event": it happened once and has no end.</param>
/// <param name="Kind">See <see cref="AlertSubject.Kind"/>.</param>
/// <param name="Severity">"info", "warning" or "error"; that of the opening when it is over.</param>
/// <param name="Fleet">The fleet's domain.</param>
/// <param name="Node">The node it is about.</param>
/// <param name="Service">The service it is about.</param>
/// <param name="Component">The component it is about.</param>
/// <param name="Message">In words, on one line.</param>
/// <param name="Command">What to type next.</param>
/// <param name="Since">When it began, RFC 3339 UTC.</param>
/// <param name="At">When this document was written, RFC 3339 UTC.</param>
/// <param name="Suppressed">How many alerts about the same thing were not sent since its last document: it came again within the cooldown.</param>
internal sealed record AlertDocument(
    int Version, string State, string Kind, string Severity, string Fleet, string Node, string Service, string Component,
    string Message, string Command, string Since, string At, int Suppressed)
{
    /// <summary>The version that this program writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The bytes for stdin, with a line feed at the end.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, AlertJson.Default.AlertDocument), (byte)'\n'];
}

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AlertDocument))]
internal sealed partial class AlertJson : JsonSerializerContext;
