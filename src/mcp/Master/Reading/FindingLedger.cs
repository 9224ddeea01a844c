using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>What a look at the fleet changed in the ledger.</summary>
/// <param name="Opened">Each finding once, when it opens.</param>
/// <param name="Closed">Each once, when it closes.</param>
/// <param name="Open">All that are open now: for whoever must make up for a kill between the commit and the telling.</param>
internal sealed record FindingChanges(List<Finding> Opened, List<Finding> Closed, List<Finding> Open);

/// <summary>
/// Turns what each look finds into findings that open once and close once. What is read from the master's own rows counts at once. What was
/// observed on nodes can be a moment's appearance (a container between two of its lives, an agent that restarts), so
/// <code>
/// seen ──and still seen 20 s later──→ open ──and not seen for 60 s──→ closed
/// </code>
/// and a look that could not judge (a silent node, an operation at work) moves nothing in either direction. Rows and events are written in one
/// transaction, so a restart opens nothing again; the alert follows the commit.
/// </summary>
internal sealed class FindingLedger(Database database, TimeProvider clock)
{
    /// <summary>How long something must be seen before it is a finding.</summary>
    public static readonly TimeSpan Confirmation = TimeSpan.FromSeconds(20);

    /// <summary>How long it must not be seen before it is over.</summary>
    public static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);

    /// <summary>A noticed finding that ends by itself does so when it was not noticed for so long: ten tries of an agent at its slowest.</summary>
    public static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<FindingKey, (DateTimeOffset At, long Stamp)> _seen = [];
    private readonly Dictionary<FindingKey, long> _gone = [];

    /// <summary>Something was seen that another look will confirm or not: it should come soon.</summary>
    public bool IsWaiting
    {
        get
        {
            lock (_gate)
                return _seen.Count > 0;
        }
    }

    /// <summary>Takes what a look found.</summary>
    /// <param name="found">All findings of this look.</param>
    /// <param name="canJudge">Whether this look could have seen a finding of that key: absent from <paramref name="found"/> is then over.</param>
    public FindingChanges Take(IReadOnlyList<Finding> found, Func<FindingKey, bool> canJudge)
    {
        lock (_gate)
            return database.Write(connection => Take(connection, found, canJudge));
    }

    /// <summary>What a look found, as it is shown: each with the time since when, and those that this look could not judge as they were.</summary>
    public List<Finding> Describe(SqliteConnection connection, IReadOnlyList<Finding> found, Func<FindingKey, bool> canJudge)
    {
        var rows = FindingStore.Rows(connection).Where(r => !r.Over).ToDictionary(r => r.Key);
        var shown = new List<Finding>();
        foreach (var finding in found.DistinctBy(FindingKey.Of))
        {
            var copy = finding.Clone();
            copy.Since = rows.GetValueOrDefault(FindingKey.Of(finding))?.Finding.Since ?? SinceOf(finding);
            shown.Add(copy);
        }
        var keys = shown.Select(FindingKey.Of).ToHashSet();
        shown.AddRange(rows.Values.Where(r => !keys.Contains(r.Key) && (r.Noticed || !canJudge(r.Key))).Select(r => r.Finding));
        return FindingRules.WorstFirst(shown);
    }

    private FindingChanges Take(SqliteConnection connection, IReadOnlyList<Finding> found, Func<FindingKey, bool> canJudge)
    {
        var rows = FindingStore.Rows(connection).ToDictionary(r => r.Key);
        var now = found.DistinctBy(FindingKey.Of).ToDictionary(FindingKey.Of);
        foreach (var (key, finding) in now)
        {
            _gone.Remove(key);
            if (rows.GetValueOrDefault(key) is { Over: false } row)
            {
                if (row.Finding.Message != finding.Message || row.Finding.Severity != finding.Severity || row.Finding.Command != finding.Command)
                    FindingStore.OpenComputed(connection, With(finding, row.Finding.Since));
            }
            else if (IsConfirmed(key))
            {
                FindingStore.OpenComputed(connection, With(finding, SinceOf(finding)));
                _seen.Remove(key);
            }
        }
        foreach (var key in _seen.Keys.Where(k => !now.ContainsKey(k) && canJudge(k)).ToList())
            _seen.Remove(key);
        foreach (var row in rows.Values.Where(r => !r.Over && !now.ContainsKey(r.Key)))
        {
            if (row.Noticed ? IsForgotten(row) : canJudge(row.Key) && IsGone(row.Key))
                FindingStore.CloseOne(connection, row.Key);
        }
        return Tell(connection);
    }

    private FindingChanges Tell(SqliteConnection connection)
    {
        var changes = new FindingChanges([], [], []);
        foreach (var row in FindingStore.Rows(connection))
        {
            if (!row.Told)
            {
                EventStore.Add(connection, Event(row.Finding, "finding-opened", row.Finding.Severity, $"{row.Finding.Kind}: {row.Finding.Message}"));
                FindingStore.Told(connection, row.Key);
                changes.Opened.Add(row.Finding);
            }
            if (!row.Over)
            {
                changes.Open.Add(row.Finding);
                continue;
            }
            EventStore.Add(connection, Event(row.Finding, "finding-closed", "info", $"{row.Finding.Kind}, open since {row.Finding.Since}, is over"));
            FindingStore.Remove(connection, row.Key);
            _gone.Remove(row.Key);
            changes.Closed.Add(row.Finding);
        }
        return changes;
    }

    private bool IsConfirmed(FindingKey key)
    {
        if (!FindingRules.IsObserved(key.Kind))
            return true;
        if (_seen.TryGetValue(key, out var first))
            return clock.GetElapsedTime(first.Stamp) >= Confirmation;
        _seen[key] = (clock.GetUtcNow(), clock.GetTimestamp());
        return false;
    }

    private bool IsGone(FindingKey key)
    {
        if (!FindingRules.IsObserved(key.Kind))
            return true;
        if (_gone.TryGetValue(key, out var first))
            return clock.GetElapsedTime(first) >= Recovery;
        _gone[key] = clock.GetTimestamp();
        return false;
    }

    private bool IsForgotten(FindingRow row) =>
        FindingRules.EndsBySilence(row.Key.Kind) && Timestamp.Read(row.Seen) is { } seen && clock.GetUtcNow() - seen > Forgotten;

    private string SinceOf(Finding finding)
    {
        if (finding.Since.Length > 0)
            return finding.Since;
        lock (_gate)
            return Timestamp.Format(_seen.TryGetValue(FindingKey.Of(finding), out var first) ? first.At : clock.GetUtcNow());
    }

    private static Finding With(Finding finding, string since)
    {
        var copy = finding.Clone();
        copy.Since = since;
        return copy;
    }

    private FleetEvent Event(Finding finding, string kind, string severity, string message) => new()
    {
        At = Timestamp.Now(clock),
        Node = finding.Node,
        Service = finding.Service,
        Kind = kind,
        Severity = severity,
        Message = message,
    };
}
