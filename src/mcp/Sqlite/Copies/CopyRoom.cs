using Mcp.Errors;

namespace Mcp.Sqlite.Copies;

/// <summary>Whether a copy may be made at all: it must not take the last of the disk, on which the services themselves write.</summary>
internal static class CopyRoom
{
    // A twentieth of the disk, at most 1 GiB.
    private const int Share = 20;
    private const long MostKept = 1L << 30;

    /// <summary>Refuses a copy for which there is no room.</summary>
    /// <param name="folder">Where the copy would lie.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="what">The database, for the message.</param>
    /// <exception cref="McpException">There is too little room (ResourceExhausted).</exception>
    public static void Require(string folder, long bytes, string what)
    {
        var disk = new DriveInfo(folder);
        var (free, kept) = (disk.AvailableFreeSpace, Math.Min(MostKept, disk.TotalSize / Share));
        if (free - kept >= bytes)
            return;
        throw new McpException(FaultCode.ResourceExhausted, $"there is no room for a copy of the database {what}")
        {
            Cause = $"the copy takes {bytes} bytes, {free} are free on the file system of {folder}, and {kept} of them stay free for the services",
            Hint = "free some space on the data file system, or leave the database out: [snapshot] exclude",
        };
    }
}
