using Mcp.Errors;
using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>What SQLite's result codes (sqlite.org/rescode.html) mean for an operator, and what to do.</summary>
internal static class SqliteFault
{
    /// <summary>The failure in words, with the file and the remedy.</summary>
    public static McpException From(SqliteException e, string path) => e.SqliteErrorCode switch
    {
        13 => Fault(e, path, FaultCode.ResourceExhausted, "the disk of the database is full", $"free some space: df -h {Path.GetDirectoryName(path)}"),
        8 => Fault(e, path, FaultCode.FailedPrecondition, "the database cannot be written", $"check owner, mode and mount of {path} and its folder: ls -l {path}*; findmnt -T {path}"),
        14 => Fault(e, path, FaultCode.FailedPrecondition, "the database cannot be opened", $"check owner and mode of {path} and its folder: ls -ld {Path.GetDirectoryName(path)} {path}"),
        5 or 6 => Fault(e, path, FaultCode.Unavailable, "the database is locked by another process for more than 5 s", $"see who holds it: fuser {path}"),
        10 => Fault(e, path, FaultCode.DataLoss, "the disk reported an error while the database was read or written", "look at the kernel's messages: dmesg | tail"),
        11 or 26 => Damaged(path, e.Message, e),
        _ => Fault(e, path, FaultCode.Internal, "the database refused a statement", null),
    };

    /// <summary>The refusal of a damaged file; nothing is ever created anew in its place.</summary>
    public static McpException Damaged(string path, string cause, Exception? inner = null) =>
        new(FaultCode.DataLoss, $"the database {path} is damaged; it was left as it is", inner)
        {
            Cause = cause,
            // The log goes away with its database: left behind, it would be played into the copy.
            Hint = $"stop the role; mkdir {path}.damaged; mv {path} {path}-* {path}.damaged/; cp -p {GoodCopy.PathOf(path)} {path}; start it again (docs/operations.md: a database is damaged)",
        };

    private static McpException Fault(SqliteException e, string path, FaultCode code, string what, string? hint) =>
        new(code, $"{what} ({path})", e) { Cause = e.Message, Hint = hint };
}
