using Mcp.Errors;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// The reserved export names: the node's own state, that a node which lost its disk is told what it ran. Of the agent its registry and its configuration; never the identity,
/// the key of the ownership markers or registry logins: a node gets these anew by joining, and a copy of them elsewhere would only be one more place to steal them from.
/// </summary>
internal static class OwnState
{
    /// <summary>The agent's registry and configuration.</summary>
    public const string Agent = "mcp-agent";

    /// <summary>The proxy's; nothing yet.</summary>
    public const string Proxy = "mcp-proxy";

    /// <summary>Whether an export of this name is of the node itself.</summary>
    public static bool Is(string name) => name is Agent or Proxy;

    /// <summary>Lays copies of the agent's files into <paramref name="folder"/>.</summary>
    /// <exception cref="McpException">The registry is damaged, or the disk is full.</exception>
    public static void CopyTo(AgentParts parts, string folder)
    {
        parts.Database.CopyTo(Path.Combine(folder, "mcp.db"));
        var home = parts.Configuration.Home;
        string[] boot = Directory.Exists(Path.Combine(home, "boot")) ? Directory.GetFiles(Path.Combine(home, "boot"), "*.toml") : [];
        foreach (var file in (string[])[Path.Combine(home, "mcp-agent.toml"), Path.Combine(home, "upgrade.pub"), .. boot])
        {
            if (!File.Exists(file))
                continue;
            var copy = Path.Combine(folder, Path.GetRelativePath(home, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
