using Mcp.Agent.Configuration;
using Mcp.Cli.Configuration;
using Mcp.Errors;
using Mcp.Master.Configuration;

namespace Mcp.Cli.Doctor;

/// <summary>
/// What there is on this machine to look at: the operator's configuration, an agent's, a master's, each of which may be missing or broken. Read
/// once, before the checks; what could not be read is kept in words.
/// </summary>
internal sealed class DoctorScene
{
    private Task<IReadOnlyList<PeerAnswer>>? _peers;

    /// <summary>Streams, environment, clock.</summary>
    public required CommandContext Context { get; init; }

    /// <summary>Null: nobody has logged in here, or the file is broken.</summary>
    public CliConfiguration? Operator { get; init; }

    /// <summary>Null: no node has joined here, or the file is broken.</summary>
    public AgentConfiguration? Agent { get; init; }

    /// <summary>Null: no master here, or the file is broken.</summary>
    public MasterConfiguration? Master { get; init; }

    /// <summary>Files that are there and cannot be used.</summary>
    public IReadOnlyList<McpException> Broken { get; init; } = [];

    /// <summary>Whether what a node needs is looked at: there is an agent, or the operator means to make this machine a node.</summary>
    public bool IsNode { get; init; }

    /// <summary>Reads a small text of the kernel or of /etc; null when it is not there or may not be read.</summary>
    public Func<string, string?> ReadText { get; init; } = ReadFile;

    /// <summary>The user whose podman runs the containers: the owner of the agent's database, or else who types this.</summary>
    public uint NodeUser => Agent is { } agent && FileFacts.Of(agent.Database) is { } file ? file.Owner : FileFacts.EffectiveUser;

    /// <summary>The masters and agents of this machine's configurations, asked once for all checks.</summary>
    public Task<IReadOnlyList<PeerAnswer>> PeersAsync(CancellationToken cancel) => _peers ??= PeerAnswer.AskAllAsync(this, cancel);

    /// <summary>Reads what is there. Never throws for what a machine may look like.</summary>
    /// <param name="context">This process.</param>
    /// <param name="agentFile">The agent's configuration.</param>
    /// <param name="masterFile">The master's configuration.</param>
    /// <param name="node">Look at what a node needs although there is no agent yet.</param>
    public static DoctorScene Read(CommandContext context, string agentFile, string masterFile, bool node)
    {
        var broken = new List<McpException>();
        T? Try<T>(Func<T?> read)
            where T : class
        {
            try
            {
                return read();
            }
            catch (McpException e)
            {
                broken.Add(e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                broken.Add(new McpException(FaultCode.PermissionDenied, e.Message) { Hint = "run it as root, or as the user that the role runs as" });
            }
            return null;
        }
        var agent = Try(() => IsThere(agentFile) ? AgentConfigurationReader.ReadFile(agentFile) : null);
        return new DoctorScene
        {
            Context = context,
            Operator = Try(() => ConfigurationFolder.Find(context) is { Exists: true } folder ? CliConfigurationReader.Read(folder) : null),
            Agent = agent,
            Master = Try(() => IsThere(masterFile) ? MasterConfigurationReader.ReadFile(masterFile) : null),
            Broken = broken,
            IsNode = agent is not null || node,
        };
    }

    // File.Exists also says no where the folder may not be entered; then trying to read says why.
    private static bool IsThere(string file) =>
        File.Exists(file) || (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && Directory.Exists(folder) && !FileFacts.CanEnter(folder));

    private static string? ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
