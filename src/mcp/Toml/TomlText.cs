namespace Mcp.Toml;

/// <summary>Reads a TOML text once into tables with positions. Nothing here throws for what a person wrote: mistakes are collected.</summary>
internal static class TomlText
{
    /// <summary>A file above this many bytes is refused unread: no configuration is that large, and a device or a log given by mistake is.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>Reads <paramref name="text"/>; <paramref name="file"/> is only the name that problems carry.</summary>
    public static TomlDocument Read(string file, string text) => throw new NotImplementedException();

    /// <summary>Reads a regular file; a link, a missing or too large file and invalid UTF-8 are problems of the document.</summary>
    public static TomlDocument ReadFile(string path) => throw new NotImplementedException();
}
