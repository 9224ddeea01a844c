using Mcp.Errors;

namespace Mcp.Cli.Configuration;

/// <summary>Whether a definition wishes its service to run: <c>active</c>.</summary>
internal static class ActiveKey
{
    /// <summary>Sets the key in the file; false when it had that meaning already.</summary>
    /// <exception cref="McpException">The file is not TOML, or cannot be written.</exception>
    public static bool SetInFile(string path, bool active) => TopLevelKey.ChangeFile(path, text => Set(text, active, path));

    /// <summary>The text with <c>active</c> set. Absent means true, so true is never added.</summary>
    /// <exception cref="McpException">The text is not TOML.</exception>
    internal static string Set(string text, bool active, string file) => TopLevelKey.Set(text, "active", active ? "true" : "false", add: !active, file);
}
