using Mcp.Agent.Ownership;
using Mcp.Errors;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// A folder of one export below <c>.mcp/staging</c>, on the file system of the data: copies of databases lie there while they are archived. Gone with the export;
/// what a killed agent left is swept away with all of staging at its next start.
/// </summary>
internal sealed class ExportStaging : IDisposable
{
    private const uint Private = 0b111_000_000;
    private const string Prefix = "export-";

    private readonly string _dataRoot;
    private readonly string _name;

    private ExportStaging(string dataRoot, string name, string path) => (_dataRoot, _name, Path) = (dataRoot, name, path);

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <exception cref="McpException">It cannot be made.</exception>
    public static ExportStaging Create(string dataRoot)
    {
        try
        {
            using var root = FolderHandle.Open(dataRoot);
            using var own = root.EnsureFolder(".mcp", Private).Folder;
            using var staging = own.EnsureFolder("staging", Private).Folder;
            var name = Prefix + Guid.NewGuid().ToString("N");
            using var made = staging.EnsureFolder(name, Private).Folder;
            return new ExportStaging(dataRoot, name, made.Path);
        }
        catch (IOException e)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"no staging folder could be made below {dataRoot}/.mcp/staging", e) { Cause = e.Message, Hint = $"ls -ld {dataRoot} {dataRoot}/.mcp; df -h {dataRoot}; df -i {dataRoot}" };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            using var root = FolderHandle.Open(_dataRoot);
            using var own = root.TryOpenFolder(".mcp");
            using var staging = own?.TryOpenFolder("staging");
            if (staging is not null)
                Remove(staging, _name);
        }
        catch (IOException)
        {
            // The next start removes it.
        }
    }

    private static void Remove(FolderHandle staging, string name)
    {
        using (var folder = staging.TryOpenFolder(name))
            folder?.EraseContent();
        staging.TryRemove(name, folder: true);
    }
}
