namespace Mcp.Sqlite.Copies;

/// <summary>SQLite refused something while a database was copied or checked.</summary>
/// <param name="code">Extended result code (sqlite.org/rescode.html).</param>
/// <param name="message">SQLite's words.</param>
internal sealed class CopyFault(int code, string message) : Exception(message)
{
    /// <summary>Extended result code.</summary>
    public int Code { get; } = code;

    /// <summary>SQLITE_BUSY or SQLITE_LOCKED: somebody holds it.</summary>
    public bool IsLocked => (Code & 0xff) is 5 or 6;

    /// <summary>SQLITE_FULL.</summary>
    public bool IsFull => (Code & 0xff) == 13;

    /// <summary>
    /// Reading it as it lies there would need to write: SQLITE_READONLY with its kinds (a journal to roll back, a log to recover), SQLITE_CANTOPEN (no index
    /// of the log is there and none may be made), SQLITE_PROTOCOL, and errors at the log's index.
    /// </summary>
    public bool NeedsWriting => (Code & 0xff) is 8 or 14 or 15 || Code is 4618 or 4874 or 5130 or 5386;

    /// <summary>A part of the application that we do not have: the table cannot be judged, the file can.</summary>
    public bool IsOfTheApplication => (Code & 0xff) == 1 && (Message.StartsWith("no such collation sequence", StringComparison.Ordinal)
        || Message.StartsWith("no such function", StringComparison.Ordinal) || Message.StartsWith("no such module", StringComparison.Ordinal)
        || Message.StartsWith("unsafe use of", StringComparison.Ordinal) || Message.Contains("unknown function", StringComparison.Ordinal)
        || Message.StartsWith("unknown tokenizer", StringComparison.Ordinal) || Message.StartsWith("no such tokenizer", StringComparison.Ordinal));
}
