using System.Globalization;
using Mcp.Errors;

namespace Mcp.Master.Snapshots;

/// <summary>
/// A tenth of the disk stays free: snapshots share it with the master's database, and a full disk would end more than snapshots.
/// Nothing is ever removed to make room: which snapshot is dispensable is for retention and for people.
/// </summary>
/// <param name="folder">The snapshot folder.</param>
/// <param name="disk">Free bytes and size of the file system of a folder.</param>
internal sealed class StoreRoom(string folder, Func<string, (long Free, long Size)> disk)
{
    /// <summary>Asks the file system itself.</summary>
    public static (long Free, long Size) Ask(string folder)
    {
        var drive = new DriveInfo(folder);
        return (drive.AvailableFreeSpace, drive.TotalSize);
    }

    /// <summary>How many bytes may still be written; at least 1.</summary>
    public long Left()
    {
        var (free, size) = disk(folder);
        return Math.Max(1, free - size / 10);
    }

    /// <summary>Refuses when so many more bytes would take from the tenth.</summary>
    /// <exception cref="McpException">ResourceExhausted.</exception>
    public void Require(long bytes)
    {
        var (free, size) = disk(folder);
        if (free - bytes >= size / 10)
            return;
        throw new McpException(FaultCode.ResourceExhausted, $"the disk of {folder} has too little room for a snapshot")
        {
            Cause = string.Create(CultureInfo.InvariantCulture, $"{free} of {size} bytes are free, about {bytes} are needed, and a tenth stays free"),
            State = "no snapshot was removed to make room",
            Hint = $"df -h {folder}; mcp snapshot list; lower [snapshots] retain, or move [snapshots] dir to a larger disk",
        };
    }
}
