using Mcp.Errors;

namespace Mcp.Sqlite;

/// <summary>
/// Keeps <c>FILE.good</c> beside a role's database: a whole and sound copy, at most <see cref="Every"/> older than the last change, to be put in
/// the place of a damaged file by hand. A database that is not sound is never copied, so a good copy is never replaced by a bad one.
/// 1 the database is checked; 2 its log is brought into it; 3 the copy is written to a temporary name and synced; 4 renamed. Killed anywhere, the
/// last copy is there.
/// </summary>
internal sealed partial class GoodCopy(Database database, TimeProvider clock, ILogger<GoodCopy> log)
{
    /// <summary>The longest time in which changes are not in the copy yet.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(5);

    // A copy must not take the last of the disk away from the database itself: this many times its own size stays free.
    private const long Room = 2;

    private long _copied = -1;

    /// <summary>The copy of a database.</summary>
    public static string PathOf(string database) => $"{database}.good";

    /// <summary>Copies at once and then whenever something has changed, until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Every, clock);
        do
        {
            try
            {
                await Task.Run(CopyIfChanged, cancellation);
            }
            catch (Exception e) when (e is McpException or IOException or UnauthorizedAccessException)
            {
                // The copy of before stays; the role needs none to work.
                NotCopied(database.Path, e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    /// <summary>Copies once, if something was written since the last time.</summary>
    /// <exception cref="McpException">The database is damaged, or there is no room.</exception>
    public void CopyIfChanged()
    {
        var changes = database.Changes;
        if (changes == _copied)
            return;
        var size = new FileInfo(database.Path).Length;
        var free = new DriveInfo(Path.GetDirectoryName(database.Path)!).AvailableFreeSpace;
        if (free < size * (Room + 1))
            throw new McpException(FaultCode.ResourceExhausted, $"{free} bytes are free; a copy of {size} bytes would leave too little");
        database.Read(connection =>
        {
            if (connection.Scalar<string>("PRAGMA quick_check(1)") is var verdict && verdict != "ok")
                throw SqliteFault.Damaged(database.Path, verdict ?? "quick_check gave no answer");
            return true;
        });
        database.Checkpoint();
        database.CopyTo(PathOf(database.Path));
        _copied = changes;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No new good copy of {Database} was made; the last one stays: {Cause}")]
    private partial void NotCopied(string database, string cause);
}
