using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>One entry of <c>volumes</c>, parsed.</summary>
/// <param name="HostPath">Absolute, normal; <c>/srv/service/…</c> is logical and mapped to the node's data root.</param>
/// <param name="ContainerPath">Absolute, normal.</param>
/// <param name="ReadOnly">Whether it ended with <c>:ro</c>.</param>
internal sealed record VolumeMount(string HostPath, string ContainerPath, bool ReadOnly)
{
    private const string Form = "the form is \"/srv/<service>/…:/path/in/container[:ro]\"";

    /// <summary>Parses <c>host:container[:ro|:rw]</c>, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out VolumeMount? mount, [NotNullWhen(false)] out string? problem)
    {
        mount = null;
        var parts = text.Split(':');
        if (parts.Length is not (2 or 3))
            problem = parts.Length == 1 ? $"\"{text}\" names one path; {Form}" : $"\"{text}\" has {parts.Length} parts; {Form}";
        else if (parts.Length == 3 && parts[2] is not ("ro" or "rw"))
            problem = $"has the option \"{parts[2]}\"; allowed are ro and rw";
        else if (parts[0].Length > 0 && parts[0][0] is not ('/' or '.'))
            problem = $"\"{parts[0]}\" is a named volume; there are none here. {char.ToUpperInvariant(Form[0])}{Form[1..]}";
        else
        {
            var (host, container) = (PathText.WithoutClosingSlash(parts[0]), PathText.WithoutClosingSlash(parts[1]));
            problem = PathText.AbsoluteProblem(host) ?? MountPointProblem(container);
            if (problem is null)
                mount = new VolumeMount(host, container, parts.Length == 3 && parts[2] == "ro");
        }
        return mount is not null;
    }

    /// <summary>Says why nothing can be mounted at this path in a container, or null.</summary>
    public static string? MountPointProblem(string path)
    {
        if (PathText.AbsoluteProblem(path) is { } problem)
            return problem;
        if (path is "/" or "/dev" || PathText.IsWithin(path, "/proc") || PathText.IsWithin(path, "/sys"))
            return $"\"{path}\" in the container is its own; nothing can be mounted there";
        return path.Contains(':') ? $"\"{path}\" holds a colon" : null;
    }

    /// <summary>The canonical text; <c>:rw</c> is left out.</summary>
    public override string ToString() => ReadOnly ? $"{HostPath}:{ContainerPath}:ro" : $"{HostPath}:{ContainerPath}";
}
