using Mcp.Sqlite;
using Mcp.Text;
using Microsoft.Data.Sqlite;

namespace Mcp.Alerts;

/// <summary>
/// What is known of one subject, in memory and in the table <c>alerts</c>. Whether it is so and whether that was told are two things: the sender
/// brings the second after the first, however often it is interrupted.
/// </summary>
internal sealed class AlertRow(AlertNotice notice, DateTimeOffset since)
{
    /// <summary>What is the matter, as it was when it began.</summary>
    public AlertNotice Notice { get; set; } = notice;

    /// <summary>When it began.</summary>
    public DateTimeOffset Since { get; set; } = since;

    /// <summary>It is so now.</summary>
    public bool Open { get; set; }

    /// <summary>It has no end: it happened.</summary>
    public bool Once { get; set; }

    /// <summary>Its opening is to be told even if it ends before.</summary>
    public bool Owed { get; set; }

    /// <summary>Its opening was told, and not yet its end.</summary>
    public bool Told { get; set; }

    /// <summary>When an opening was last told; cooldown counts from here.</summary>
    public DateTimeOffset? SentAt { get; set; }

    /// <summary>How often it was not told since the last document.</summary>
    public int Suppressed { get; set; }

    /// <summary>Not to be tried before; in memory only.</summary>
    public DateTimeOffset NotBefore { get; set; }

    /// <summary>How often its end could not be told; in memory only.</summary>
    public int FailedEnds { get; set; }

    /// <summary>Nothing is to be said about it.</summary>
    public bool IsQuiet => !Open && !Owed && !Told;

    /// <summary>All rows.</summary>
    public static List<AlertRow> All(SqliteConnection connection) => connection.Query(
        "SELECT kind, node, service, component, severity, message, command, since, open, once, owed, told, sent_at, suppressed FROM alerts",
        row => new AlertRow(
            new AlertNotice(new AlertSubject(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3)), row.GetString(4), row.GetString(5), row.GetString(6)),
            Timestamp.Read(row.GetString(7)) ?? DateTimeOffset.UnixEpoch)
        {
            Open = row.GetInt64(8) != 0,
            Once = row.GetInt64(9) != 0,
            Owed = row.GetInt64(10) != 0,
            Told = row.GetInt64(11) != 0,
            SentAt = Timestamp.Read(row.GetString(12)),
            Suppressed = (int)row.GetInt64(13),
        });

    /// <summary>Writes the row.</summary>
    public void Save(SqliteConnection connection) => connection.Execute(
        """
        INSERT OR REPLACE INTO alerts(kind, node, service, component, severity, message, command, since, open, once, owed, told, sent_at, suppressed)
        VALUES($kind, $node, $service, $component, $severity, $message, $command, $since, $open, $once, $owed, $told, $sent, $suppressed)
        """,
        ("$kind", Notice.Subject.Kind), ("$node", Notice.Subject.Node), ("$service", Notice.Subject.Service), ("$component", Notice.Subject.Component),
        ("$severity", Notice.Severity), ("$message", Notice.Message), ("$command", Notice.Command), ("$since", Timestamp.Format(Since)),
        ("$open", Open ? 1 : 0), ("$once", Once ? 1 : 0), ("$owed", Owed ? 1 : 0), ("$told", Told ? 1 : 0),
        ("$sent", SentAt is { } at ? Timestamp.Format(at) : ""), ("$suppressed", Suppressed));

    /// <summary>Removes the row.</summary>
    public void Delete(SqliteConnection connection) => connection.Execute(
        "DELETE FROM alerts WHERE kind = $kind AND node = $node AND service = $service AND component = $component",
        ("$kind", Notice.Subject.Kind), ("$node", Notice.Subject.Node), ("$service", Notice.Subject.Service), ("$component", Notice.Subject.Component));
}
