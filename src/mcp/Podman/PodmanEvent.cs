namespace Mcp.Podman;

/// <summary>Something that happened in podman.</summary>
/// <param name="Type"><c>container</c>, <c>image</c>, <c>network</c>, …</param>
/// <param name="Action"><c>create</c>, <c>start</c>, <c>died</c>, <c>remove</c>, <c>rename</c>, …</param>
/// <param name="Id">Id of what it happened to.</param>
/// <param name="Name">Its name, when podman says it.</param>
/// <param name="Time">When; null when podman's word for it is not a time.</param>
/// <param name="Attributes">Everything else: labels, image, <c>containerExitCode</c>.</param>
internal sealed record PodmanEvent(
    string Type, string Action, string Id, string Name, DateTimeOffset? Time, IReadOnlyDictionary<string, string> Attributes);

/// <summary>Which events to read.</summary>
internal sealed record EventQuery
{
    /// <summary>From then on; null is from now on. Subscribe before the first list, or something is missed.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only of this type; null is all.</summary>
    public string? Type { get; init; }

    /// <summary>Only with all of these labels, <c>key</c> or <c>key=value</c>.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
}
