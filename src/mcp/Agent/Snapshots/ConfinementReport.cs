using Mcp.Confinement;
using Mcp.Errors;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// Says once, at the agent's start, which walls its confined children stand behind, by having one try to get out. Where the kernel has no Landlock the agent works all the
/// same, behind the walls that are left (no sockets, no foreign processes, few of root's powers, limits): whoever has such a kernel would otherwise have no backups at all, which is the
/// greater danger, and the operator is told here and by <c>mcp doctor</c>.
/// </summary>
internal sealed partial class ConfinementReport(AgentParts parts)
{
    private readonly ILogger _log = parts.Logging.CreateLogger<ConfinementReport>();

    /// <summary>Tries the walls.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            // The bundle of roots is a file that the agent itself reads, and no business of a child.
            var (walls, holes) = await ConfinementProbe.RunAsync(Importing.Extraction.Program, parts.Configuration.CaCertificate, cancellation);
            if (holes.Count == 0)
                Confined(walls);
            else
                WithHoles(walls, string.Join(", ", holes));
        }
        catch (McpException e)
        {
            NotConfined(e.Describe());
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "What reads the files of services is confined: {Walls}")]
    private partial void Confined(string walls);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What reads the files of services is confined only in part ({Walls}): {Holes}; mcp doctor says what is missing")]
    private partial void WithHoles(string walls, string holes);

    [LoggerMessage(Level = LogLevel.Error, Message = "No confined process can be started, so there are no snapshots and no imports here: {Fault}")]
    private partial void NotConfined(string fault);
}
