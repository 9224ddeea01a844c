using System.Text.Json;

namespace Mcp.Podman;

/// <summary>Podman's JSON of images → our records.</summary>
internal static class ImageReading
{
    /// <summary>The answer of <c>images/{name}/json</c>.</summary>
    public static ImageDetail Detail(JsonElement image) => new()
    {
        Id = image.TextAt("Id"),
        Digest = image.TextAt("Digest"),
        RepoDigests = image.TextsAt("RepoDigests"),
        RepoTags = image.TextsAt("RepoTags"),
        Labels = image.TextMapAt("Config", "Labels") is { Count: > 0 } labels ? labels : image.TextMapAt("Labels"),
        Volumes = image.KeysAt("Config", "Volumes"),
        ExposedPorts = image.KeysAt("Config", "ExposedPorts"),
        User = image.TextAt("Config", "User"),
        Entrypoint = image.TextsAt("Config", "Entrypoint"),
        Command = image.TextsAt("Config", "Cmd"),
        Environment = image.TextsAt("Config", "Env"),
        Architecture = image.TextAt("Architecture"),
        Size = image.NumberAt("Size"),
    };
}
