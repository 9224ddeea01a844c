using Mcp.Agent.Ownership;
using Mcp.Errors;

namespace Mcp.Agent.Importing;

/// <summary>
/// Erases what an earlier process left in <c>.mcp/staging</c>: half an archive, copies of databases, what a revert took out. It is nobody's data
/// (see <see cref="FolderSwap"/>), and nobody works on it any more once the open operations are resolved. What this process makes itself is not
/// touched: only names that were there when it began.
/// </summary>
internal sealed partial class StagingSweep
{
    private readonly ILogger _logger;
    private readonly FolderErasing _erasing;
    private readonly IReadOnlyList<string> _found;

    /// <summary>Looks at what is there, before this process makes anything.</summary>
    public StagingSweep(AgentParts parts, FolderErasing erasing, ILogger logger)
    {
        (_erasing, _logger) = (erasing, logger);
        try
        {
            _found = parts.Folders.NamesIn(DataFolders.Staging);
        }
        catch (McpException e)
        {
            _found = [];
            NotErased(DataFolders.Staging, e.Cause ?? e.Message);
        }
    }

    /// <summary>Erases it; what cannot be erased is logged and left to the next start.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        foreach (var name in _found)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                var bytes = await _erasing.EraseAsync(DataFolders.Staging, name, ct);
                Erased(name, bytes);
            }
            catch (McpException e)
            {
                NotErased(name, e.Cause ?? e.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Erased {Name} in .mcp/staging, which an earlier run left ({Bytes} bytes)")]
    private partial void Erased(string name, ulong bytes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} in .mcp/staging could not be erased: {Cause}")]
    private partial void NotErased(string name, string cause);
}
