using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>One entry of <c>volumes</c>, parsed.</summary>
/// <param name="HostPath">Absolute, normal; <c>/srv/service/…</c> is logical and mapped to the node's data root.</param>
/// <param name="ContainerPath">Absolute, normal.</param>
/// <param name="ReadOnly">Whether it ended with <c>:ro</c>.</param>
internal sealed record VolumeMount(string HostPath, string ContainerPath, bool ReadOnly)
{
    /// <summary>Parses <c>host:container[:ro|:rw]</c>, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out VolumeMount? mount, [NotNullWhen(false)] out string? problem) =>
        throw new NotImplementedException();

    /// <summary>The canonical text; <c>:rw</c> is left out.</summary>
    public override string ToString() => ReadOnly ? $"{HostPath}:{ContainerPath}:ro" : $"{HostPath}:{ContainerPath}";
}
