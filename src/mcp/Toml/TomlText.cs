namespace Mcp.Toml;

/// <summary>Reads a TOML text once into tables with positions. Nothing here throws for what a person wrote: mistakes are collected.</summary>
internal static class TomlText
{
    /// <summary>A file above this many bytes is refused unread: no configuration is that large, and a device or a log given by mistake is.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>Reads <paramref name="text"/>; <paramref name="file"/> is only the name that problems carry.</summary>
    public static TomlDocument Read(string file, string text)
    {
        if (text.Length > MaxBytes)
            return Unreadable(file, $"has more than {MaxBytes / 1024} KiB; a configuration file has at most that");
        var document = new TomlDocument(file);
        var parsed = TolerantParser.Parse(text);
        foreach (var error in parsed.Errors)
            document.AddProblem(error.At, "", error.Message);
        document.IsWellFormed = parsed.Tree is not null;
        if (parsed.Tree is not null)
            new TomlTreeBuilder(document, parsed.BrokenLines).Build(parsed.Tree);
        return document;
    }

    /// <summary>
    /// Reads a regular file; a missing or too large one and invalid UTF-8 are problems of the document, and so is a symbolic link
    /// unless <paramref name="followLinks"/>.
    /// </summary>
    public static TomlDocument ReadFile(string path, bool followLinks = true)
    {
        var (text, problem) = TomlFile.Read(path, followLinks);
        return text is not null ? Read(path, text) : Unreadable(path, problem!);
    }

    private static TomlDocument Unreadable(string file, string problem)
    {
        var document = new TomlDocument(file) { IsWellFormed = false };
        document.AddProblem(default, "", problem);
        return document;
    }
}
