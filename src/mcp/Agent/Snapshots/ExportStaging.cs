using Mcp.Agent.Ownership;
using Mcp.Errors;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// A folder of one export below <c>.mcp/staging</c>, on the file system of the data: copies of databases lie there while they are archived. Gone with the export; where the
/// disk refuses that it is tried again, since a copy may be large; what a killed agent left is swept away with all of staging at its next start.
/// </summary>
internal sealed partial class ExportStaging : IDisposable
{
    /// <summary>Between two tries to remove it; an hour of them, then it is left to the next start.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private const int Tries = 360;

    private const uint Private = 0b111_000_000;
    private const string Prefix = "export-";

    private readonly string _dataRoot;
    private readonly string _name;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;

    private ExportStaging(string dataRoot, string name, string path, TimeProvider clock, ILogger logger) =>
        (_dataRoot, _name, Path, _clock, _logger) = (dataRoot, name, path, clock, logger);

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <exception cref="McpException">It cannot be made.</exception>
    public static ExportStaging Create(string dataRoot, TimeProvider clock, ILogger logger)
    {
        try
        {
            using var root = FolderHandle.Open(dataRoot);
            using var own = root.EnsureFolder(".mcp", Private).Folder;
            using var staging = own.EnsureFolder("staging", Private).Folder;
            var name = Prefix + Guid.NewGuid().ToString("N");
            using var made = staging.EnsureFolder(name, Private).Folder;
            return new ExportStaging(dataRoot, name, made.Path, clock, logger);
        }
        catch (IOException e)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"no staging folder could be made below {dataRoot}/.mcp/staging", e) { Cause = e.Message, Hint = $"ls -ld {dataRoot} {dataRoot}/.mcp; df -h {dataRoot}; df -i {dataRoot}" };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Refusal() is not { } refusal)
            return;
        NotRemoved(_name, refusal);
        _ = RemoveLaterAsync();
    }

    private async Task RemoveLaterAsync()
    {
        for (var left = Tries; left > 0; left--)
        {
            await Task.Delay(Pause, _clock, CancellationToken.None);
            if (Refusal() is null)
                return;
        }
        LeftBehind(_name);
    }

    // Why it could not be removed; null: it is gone.
    private string? Refusal()
    {
        try
        {
            using var root = FolderHandle.Open(_dataRoot);
            using var own = root.TryOpenFolder(".mcp");
            using var staging = own?.TryOpenFolder("staging");
            if (staging is not null)
                Remove(staging, _name);
            return null;
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    private static void Remove(FolderHandle staging, string name)
    {
        using (var folder = staging.TryOpenFolder(name))
            folder?.EraseContent();
        if (!staging.TryRemove(name, folder: true) && staging.TryOpenFolder(name) is { } left)
        {
            left.Dispose();
            throw new IOException($"rmdir of {staging.Path}/{name} was refused");
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} in .mcp/staging could not be removed and is tried again: {Cause}")]
    private partial void NotRemoved(string name, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} in .mcp/staging still could not be removed: the next start of the agent does it; look at the disk (dmesg | tail)")]
    private partial void LeftBehind(string name);
}
