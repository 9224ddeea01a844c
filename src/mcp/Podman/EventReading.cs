using System.Text.Json;

namespace Mcp.Podman;

/// <summary>Podman's JSON of events → our record.</summary>
internal static class EventReading
{
    /// <summary>One line of <c>events</c>.</summary>
    public static PodmanEvent Event(JsonElement line)
    {
        var attributes = line.TextMapAt("Actor", "Attributes");
        var nanoseconds = line.NumberAt("timeNano");
        return new PodmanEvent(
            line.TextAt("Type"),
            line.TextAt("Action"),
            line.TextAt("Actor", "ID"),
            attributes.GetValueOrDefault("name", ""),
            nanoseconds > 0 ? DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100) : line.TimeAt("time"),
            attributes);
    }
}
