using Mcp.Errors;

namespace Mcp.Cli.Configuration;

/// <summary>Where a definition pins its service: <c>node</c>. It follows a service that was moved.</summary>
internal static class NodeKey
{
    /// <summary>The line as it has to be.</summary>
    public static string Line(string node) => $"node = \"{node}\"";

    /// <summary>Lets the pin of the file name another node; false when it has none, or names it already.</summary>
    /// <exception cref="McpException">The file is not TOML, or cannot be written.</exception>
    public static bool SetInFile(string path, string node) => TopLevelKey.ChangeFile(path, text => Set(text, node, path));

    /// <summary>The text with the pin changed. A definition without one is placed where its data is, so none is added.</summary>
    /// <exception cref="McpException">The text is not TOML.</exception>
    internal static string Set(string text, string node, string file) => TopLevelKey.Set(text, "node", $"\"{node}\"", add: false, file);
}
