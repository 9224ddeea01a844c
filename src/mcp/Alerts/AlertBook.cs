using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Alerts;

/// <summary>A document whose turn it is.</summary>
/// <param name="Row">Whose.</param>
/// <param name="State">"opened", "closed" or "event".</param>
/// <param name="Document">What the command reads.</param>
internal sealed record DueAlert(AlertRow Row, string State, AlertDocument Document);

/// <summary>
/// What is the matter at present and what of it was told. Callers only state facts: <see cref="Open"/> and <see cref="Close"/> may be repeated at
/// every check, and say whether anything changed; nothing here waits for a command. It survives a restart: what was told as begun is told as ended.
/// Not to be called inside a transaction of the same database: the order is this lock, then the database's.
/// <code>
///                        within the cooldown of its last document
/// Open ──→ owed ──→ told        Open ──→ told when the cooldown ends, if it is still so;
///            │        │                  else one more in `suppressed` of its next document
///          Close ───→ its end is told, whatever the cooldown
/// </code>
/// </summary>
internal sealed class AlertBook
{
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<AlertSubject, AlertRow> _rows;
    private readonly Database _database;
    private readonly AlertSettings _settings;
    private readonly TimeProvider _clock;

    /// <summary>Loads what an earlier process knew.</summary>
    public AlertBook(Database database, AlertSettings settings, TimeProvider clock)
    {
        (_database, _settings, _clock) = (database, settings, clock);
        _rows = database.Read(AlertRow.All).ToDictionary(row => row.Notice.Subject);
    }

    /// <summary>Told whenever there may be something to send.</summary>
    public Action Changed { get; set; } = () => { };

    private bool Enabled => _settings.Command.Count > 0;

    /// <summary>It is so. True: it was not before.</summary>
    /// <param name="notice">What is the matter; while it is open, only the subject counts.</param>
    /// <param name="with">Written in the same transaction when it is new, as an event.</param>
    /// <exception cref="Errors.McpException">The database cannot be written; then it counts as not so.</exception>
    public bool Open(AlertNotice notice, Action<SqliteConnection>? with = null)
    {
        lock (_gate)
        {
            var known = _rows.GetValueOrDefault(notice.Subject);
            if (known is { Open: true })
                return false;
            var now = _clock.GetUtcNow();
            var row = known is null ? new AlertRow(notice, now) : Copy(known);
            // Told and open again before its end was told: nobody noticed, but it is counted.
            if (row.Told)
                row.Suppressed++;
            if (!row.Owed && !row.Told)
                (row.Notice, row.Since) = (notice, now);
            row.Open = true;
            Queue(row, now);
            Store(row, with);
        }
        Changed();
        return true;
    }

    /// <summary>It is not so (any more). True: it was before.</summary>
    /// <param name="subject">What is over.</param>
    /// <param name="with">Written in the same transaction when it was so.</param>
    /// <exception cref="Errors.McpException">The database cannot be written; then it counts as still so.</exception>
    public bool Close(AlertSubject subject, Action<SqliteConnection>? with = null)
    {
        lock (_gate)
        {
            if (_rows.GetValueOrDefault(subject) is not { Open: true } known)
                return false;
            var row = Copy(known);
            row.Open = false;
            if (row is { Told: false, Owed: false } && Enabled)
                row.Suppressed++;
            Store(row, with);
        }
        Changed();
        return true;
    }

    /// <summary>It happened; it has no end.</summary>
    /// <exception cref="Errors.McpException">The database cannot be written.</exception>
    public void Happened(AlertNotice notice)
    {
        if (!Enabled)
            return;
        lock (_gate)
            Happen(notice);
        Changed();
    }

    /// <summary>Since when it is so; null: it is not.</summary>
    public DateTimeOffset? SinceOf(AlertSubject subject)
    {
        lock (_gate)
            return _rows.GetValueOrDefault(subject) is { Open: true } row ? row.Since : null;
    }

    /// <summary>Everything that is so now.</summary>
    public IReadOnlyList<(AlertNotice Notice, DateTimeOffset Since)> OpenNow()
    {
        lock (_gate)
            return [.. _rows.Values.Where(r => r.Open).Select(r => (r.Notice, r.Since))];
    }

    /// <summary>The document whose turn it is, or how long it is until the next (null: nothing waits).</summary>
    public (DueAlert? Due, TimeSpan? Wait) Next()
    {
        lock (_gate)
        {
            var now = _clock.GetUtcNow();
            Forget(now);
            if (!Enabled)
                return (null, null);
            var next = _rows.Values.Where(r => !r.IsQuiet && (!r.Open || !r.Told)).MinBy(r => (TurnOf(r), r.Since));
            if (next is null)
                return (null, null);
            var turn = TurnOf(next);
            if (turn > now)
                return (null, turn - now);
            var state = next.Once ? "event" : next.Told ? "closed" : "opened";
            var (subject, severity, message, command) = next.Notice;
            return (new DueAlert(next, state, new AlertDocument(
                AlertDocument.CurrentVersion, state, subject.Kind, severity, _settings.Fleet, subject.Node, subject.Service, subject.Component,
                message, command, Text.Timestamp.Format(next.Since), Text.Timestamp.Format(now), next.Suppressed)), null);
        }
    }

    /// <summary>The document was taken.</summary>
    public void Sent(DueAlert due)
    {
        lock (_gate)
        {
            if (_rows.GetValueOrDefault(due.Row.Notice.Subject) is not { } row)
                return;
            row.Told = due.State == "opened";
            row.Owed = false;
            row.FailedEnds = 0;
            row.Suppressed = Math.Max(0, row.Suppressed - due.Document.Suppressed);
            if (due.State != "closed")
                row.SentAt = _clock.GetUtcNow();
            _database.Write(row.Save);
        }
    }

    /// <summary>
    /// The document was not taken, however often it was tried. What is still so is tried again after the cooldown, and an end twice; a beginning
    /// whose end has come meanwhile is given up and counted.
    /// </summary>
    public void Failed(DueAlert due)
    {
        lock (_gate)
        {
            if (_rows.GetValueOrDefault(due.Row.Notice.Subject) is not { } row)
                return;
            row.NotBefore = _clock.GetUtcNow() + _settings.Cooldown;
            if (due.State == "closed")
                row.Told = ++row.FailedEnds < 2 || row.Open;
            else if (!row.Open)
                row.Suppressed++;
            row.Owed = false;
            _database.Write(row.Save);
        }
    }

    // Within the cooldown nothing is owed: it is told later if it is still so. The same with what comes when too many wait.
    private void Queue(AlertRow row, DateTimeOffset now)
    {
        if (!Enabled || row.Told || row.Owed || TurnOf(row) > now)
            return;
        if (_rows.Values.Count(r => r.Owed) < _settings.MostWaiting)
        {
            row.Owed = true;
            return;
        }
        row.NotBefore = now + _settings.Cooldown;
        Happen(new AlertNotice(
            new AlertSubject("alerts put off", _settings.Node), "warning", $"more than {_settings.MostWaiting} alerts came at once; the others are sent after the cooldown, if they are still so", "mcp events"));
    }

    private void Happen(AlertNotice notice)
    {
        var now = _clock.GetUtcNow();
        var row = _rows.GetValueOrDefault(notice.Subject) is { } known ? Copy(known) : new AlertRow(notice, now) { Once = true };
        if (row.Owed || TurnOf(row) > now)
        {
            row.Suppressed++;
        }
        else
        {
            (row.Notice, row.Since, row.Owed) = (notice, now, true);
        }
        Store(row, null);
    }

    private DateTimeOffset TurnOf(AlertRow row)
    {
        var rested = row.Told || row.SentAt is not { } sent ? DateTimeOffset.MinValue : sent + _settings.Cooldown;
        return rested > row.NotBefore ? rested : row.NotBefore;
    }

    // What was suppressed is kept for a day for its next document; without one it is only in the events.
    private void Forget(DateTimeOffset now)
    {
        var old = _rows.Values.Where(r => r.IsQuiet && TurnOf(r) <= now && (r.Suppressed == 0 || (r.SentAt ?? r.Since) + Forgotten < now)).ToList();
        if (old.Count == 0)
            return;
        _database.Write(connection => old.ForEach(row => row.Delete(connection)));
        old.ForEach(row => _rows.Remove(row.Notice.Subject));
    }

    // On disk first: what memory says after a failed write would be a second truth.
    private void Store(AlertRow row, Action<SqliteConnection>? with)
    {
        _database.Write(connection =>
        {
            row.Save(connection);
            with?.Invoke(connection);
        });
        _rows[row.Notice.Subject] = row;
    }

    private static AlertRow Copy(AlertRow row) => new(row.Notice, row.Since)
    {
        Open = row.Open,
        Once = row.Once,
        Owed = row.Owed,
        Told = row.Told,
        SentAt = row.SentAt,
        Suppressed = row.Suppressed,
        NotBefore = row.NotBefore,
        FailedEnds = row.FailedEnds,
    };
}
