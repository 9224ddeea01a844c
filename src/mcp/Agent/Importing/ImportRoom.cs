using Mcp.Errors;
using Mcp.Native;

namespace Mcp.Agent.Importing;

/// <summary>
/// How much an import may take of the data file system: what is free but for a reserve with which the services there go on. The reserve is a tenth
/// of the file system, at most 10 GiB (what a database needs to go on does not grow with the disk), and a tenth of the files that it can hold.
/// </summary>
/// <param name="Bytes">Content of all files together.</param>
/// <param name="Entries">Files and directories.</param>
internal sealed record ImportRoom(long Bytes, long Entries)
{
    private const long MostReserve = 10L << 30;

    /// <summary>What is free now, or as much of it as was announced.</summary>
    /// <param name="dataRoot">A folder on the file system.</param>
    /// <param name="announcedBytes">0: not announced.</param>
    /// <param name="announcedEntries">0: not announced.</param>
    /// <exception cref="McpException">ResourceExhausted: what was announced does not fit.</exception>
    public static ImportRoom Of(string dataRoot, ulong announcedBytes, ulong announcedEntries)
    {
        using var folder = Folder.Open(dataRoot);
        var room = FileSystemRoom.Of(folder.Handle);
        var bytes = Math.Max(0, room.FreeBytes - ReserveOf(room));
        var entries = room.TotalFiles == 0 ? 20_000_000 : Math.Max(0, room.FreeFiles - room.TotalFiles / 10);
        if (announcedBytes > (ulong)bytes)
            throw Full(dataRoot, $"{announcedBytes} bytes were announced, and {bytes} may be taken: {room.FreeBytes} are free, and {ReserveOf(room)} of them are kept for the services there");
        if (announcedEntries > (ulong)entries)
            throw Full(dataRoot, $"{announcedEntries} files and directories were announced, and {entries} may be made: a tenth of the inodes is kept free");
        return new ImportRoom(announcedBytes == 0 ? bytes : (long)announcedBytes, announcedEntries == 0 ? entries : (long)announcedEntries);
    }

    /// <summary>Refuses to go on when somebody else has used up what was free at the beginning.</summary>
    /// <exception cref="McpException">ResourceExhausted.</exception>
    public static void RequireReserve(string dataRoot)
    {
        using var folder = Folder.Open(dataRoot);
        var room = FileSystemRoom.Of(folder.Handle);
        // Half of it: what was allowed at the beginning may be taken to the last byte, with directories and attributes on top.
        if (room.FreeBytes < ReserveOf(room) / 2)
            throw Full(dataRoot, $"only {room.FreeBytes} bytes are left, and {ReserveOf(room) / 2} are kept for the services there");
    }

    private static long ReserveOf(FileSystemRoom room) => Math.Min(room.TotalBytes / 10, MostReserve);

    private static McpException Full(string dataRoot, string cause) => new(FaultCode.ResourceExhausted, $"there is no room for the import on {dataRoot}")
    {
        Cause = cause,
        State = "nothing was changed",
        Hint = $"df -h {dataRoot}; df -i {dataRoot}; what was set aside is erased by mcp data purge <service> --state aside",
    };
}
