using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Cli.Configuration;

/// <summary>
/// The folder of one fleet on the operator's machine: <c>mcp.toml</c>, <c>services/*.toml</c>, credentials. Whoever could write here could
/// lead the operator to another master, so a folder that others may write is refused (FAULTS row 67).
/// </summary>
/// <param name="Path">Absolute.</param>
/// <param name="Fleet">The name that chose it; the folder's own name where <c>MCP_CONFIG_DIR</c> did.</param>
internal sealed record ConfigurationFolder(string Path, string Fleet)
{
    /// <summary>The configuration file.</summary>
    public string ConfigFile => System.IO.Path.Combine(Path, "mcp.toml");

    /// <summary>Key and chain of the human, one file.</summary>
    public string CredentialFile => System.IO.Path.Combine(Path, "human.pem");

    /// <summary>The fleet's roots.</summary>
    public string TrustFile => System.IO.Path.Combine(Path, "ca.pem");

    /// <summary>What this machine last saw of each service.</summary>
    public string SeenFile => System.IO.Path.Combine(Path, "seen.json");

    /// <summary>Where the nodes were when the master was last asked.</summary>
    public string NodesFile => System.IO.Path.Combine(Path, "nodes.json");

    /// <summary>The fleet in words, for questions: its chosen name and its domain, which an operator of several tells them apart by.</summary>
    public string Describe(string domain) => Outright || Fleet == domain ? domain : $"{Fleet} ({domain})";

    /// <summary>Whether <c>MCP_CONFIG_DIR</c> named the folder, so that nobody chose a name.</summary>
    public bool Outright { get; init; }

    /// <summary>Whether somebody has logged in here.</summary>
    public bool Exists => File.Exists(ConfigFile);

    /// <summary>Finds the folder: <c>--fleet</c>, then <c>MCP_CONFIG_DIR</c> outright, then <c>MCP_FLEET</c>, then <c>default</c>.</summary>
    /// <exception cref="McpException">The fleet's name is no name, or there is no home directory.</exception>
    public static ConfigurationFolder Find(CommandContext context)
    {
        if (context.Fleet is null && context.Variable("MCP_CONFIG_DIR") is { } outright)
        {
            var full = System.IO.Path.GetFullPath(outright);
            return new ConfigurationFolder(full, System.IO.Path.GetFileName(full.TrimEnd('/'))) { Outright = true };
        }
        var fleet = context.Fleet ?? context.Variable("MCP_FLEET") ?? "default";
        if (DnsLabel.Problem(fleet) is { } problem)
            throw new McpException(FaultCode.InvalidArgument, $"the fleet's name '{fleet}' {problem}");
        var home = context.Variable("HOME") ?? throw new McpException(FaultCode.FailedPrecondition, "HOME is not set, so there is no ~/.config/mcp")
        {
            Hint = "export MCP_CONFIG_DIR=<folder>",
        };
        return new ConfigurationFolder(System.IO.Path.Combine(home, ".config", "mcp", fleet), fleet);
    }

    /// <summary>Refuses a folder that somebody else may write, or one that is a link.</summary>
    /// <exception cref="McpException">With the command that mends it.</exception>
    public void Check()
    {
        const UnixFileMode othersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        var info = new DirectoryInfo(Path);
        if (info.Exists && (info.UnixFileMode & othersWrite) != 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the configuration folder {Path} has mode 0{Convert.ToString((int)info.UnixFileMode, 8)}; others could change it")
            {
                Hint = $"chmod 0700 {Path}",
            };
        }
        var file = new FileInfo(ConfigFile);
        if (file.Exists && (file.UnixFileMode & othersWrite) != 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{ConfigFile} has mode 0{Convert.ToString((int)file.UnixFileMode, 8)}; others could change it")
            {
                Hint = $"chmod 0600 {ConfigFile}",
            };
        }
    }
}
