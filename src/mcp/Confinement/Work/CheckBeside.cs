using Mcp.Errors;
using Mcp.Sqlite.Copies;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>
/// The check of a database on a thread of its own while its pages are archived: for a large one both take as long, and one after the other they double the time that
/// a move interrupts a service. One at a time. What it finds is known before the trailer, without which no archive is one.
/// </summary>
internal sealed class CheckBeside
{
    private Task<string>? _running;
    private DatabaseCopy? _of;

    /// <summary>What is checked at the moment, for people; empty: nothing.</summary>
    public string Shown { get; private set; } = "";

    /// <summary>Begins; the one before must be settled.</summary>
    /// <param name="file">The database, without a log or journal; it may be closed and unlinked when this returns.</param>
    /// <param name="of">Its entry in the trailer, to be completed by what could not be checked.</param>
    /// <exception cref="McpException">DataLoss: it cannot be opened as a database.</exception>
    public void Begin(SafeFileHandle file, DatabaseCopy of)
    {
        (Shown, _of) = (PrintableBytes.Line(of.Path.Span, 200), of);
        Func<string> check;
        try
        {
            check = DatabaseCheck.Begin(file, alone: true);
        }
        catch (DamagedDatabaseException e)
        {
            throw Damaged(e);
        }
        _running = Task.Factory.StartNew(check, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Whether it is known by now that the database is damaged: the rest need not be archived.</summary>
    /// <exception cref="McpException">DataLoss: it is.</exception>
    public void ThrowIfDamaged()
    {
        if (_running is { IsFaulted: true })
            Settle();
    }

    /// <summary>Waits for the check, if there is one.</summary>
    /// <exception cref="McpException">DataLoss: the database is damaged.</exception>
    public void Settle()
    {
        if (_running is not { } running)
            return;
        try
        {
            _of!.NotChecked = running.GetAwaiter().GetResult();
        }
        catch (DamagedDatabaseException e)
        {
            throw Damaged(e);
        }
        (_running, Shown) = (null, "");
    }

    private McpException Damaged(DamagedDatabaseException e) => new(FaultCode.DataLoss, $"the database {Shown} is damaged: it does not pass integrity_check", e)
    {
        Cause = Printable.Block(e.Message),
        Hint = "restore it from an older snapshot, or salvage it with sqlite3 .recover; to archive the rest without it: [snapshot] exclude",
    };
}
