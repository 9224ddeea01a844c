using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>One migration as its journal has it; see <c>migrations_of_services</c> in schema.sql.</summary>
internal sealed record MigrationRow
{
    /// <summary>The id of the operation that it is.</summary>
    public required string Operation { get; init; }

    /// <summary>The service.</summary>
    public required string Service { get; init; }

    /// <summary>Where it comes from.</summary>
    public required string Source { get; init; }

    /// <summary>Where it goes.</summary>
    public required string Target { get; init; }

    /// <summary>How far it is.</summary>
    public required MigrationState State { get; init; }

    /// <summary>Of the data after the move; the target's alone, whatever becomes of this migration.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>The source is held stopped by it, or may be.</summary>
    public bool Held { get; init; }

    /// <summary>RFC 3339; the source's copy is kept until then at least.</summary>
    public string? AsideUntil { get; init; }

    /// <summary>What else a later process needs.</summary>
    public MigrationDetail Detail { get; init; } = new();

    /// <summary>It acts, or waits to be carried on.</summary>
    public bool IsOpen => State is not (MigrationState.Done or MigrationState.Reaped or MigrationState.Undone);

    /// <summary>The target owns the service.</summary>
    public bool IsCommitted => State is MigrationState.Committed or MigrationState.Routed or MigrationState.Edged or MigrationState.Done or MigrationState.Reaped;
}

/// <summary>The journal of moves.</summary>
internal static class MigrationStore
{
    private const string Columns = "operation, service, source, target, state, epoch, held, aside_until, detail";

    private const string Open = "state NOT IN ('done', 'reaped', 'undone')";

    /// <summary>The migration that an operation is, or null.</summary>
    public static MigrationRow? Find(SqliteConnection connection, string operation) =>
        connection.QueryFirst($"SELECT {Columns} FROM migrations_of_services WHERE operation = $id", Map, ("$id", operation));

    /// <summary>The migration of a service that is not over, or null.</summary>
    public static MigrationRow? OpenOf(SqliteConnection connection, string service) =>
        connection.QueryFirst($"SELECT {Columns} FROM migrations_of_services WHERE service = $service AND {Open} ORDER BY operation DESC", Map, ("$service", service));

    /// <summary>Those in one of these states.</summary>
    public static List<MigrationRow> In(SqliteConnection connection, params MigrationState[] states) =>
        connection.Query($"SELECT {Columns} FROM migrations_of_services ORDER BY operation", Map).FindAll(r => states.Contains(r.State));

    /// <summary>The last ones, whatever became of them, the newest first.</summary>
    public static List<MigrationRow> Newest(SqliteConnection connection, int most) =>
        connection.Query($"SELECT {Columns} FROM migrations_of_services ORDER BY operation DESC LIMIT $most", Map, ("$most", most));

    /// <summary>
    /// Whether a node may hold data of this epoch only because of a migration that is not committed, or that was undone: what it says then moves no
    /// record. An epoch belongs to one migration alone.
    /// </summary>
    public static bool IsUncommitted(SqliteConnection connection, string service, string target, ulong epoch) =>
        connection.Query(
            $"SELECT {Columns} FROM migrations_of_services WHERE service = $service AND target = $target AND epoch = $epoch",
            Map, ("$service", service), ("$target", target), ("$epoch", (long)epoch)).Exists(r => !r.IsCommitted);

    /// <summary>Writes the row as it is now.</summary>
    public static void Put(SqliteConnection connection, MigrationRow row) =>
        connection.Execute(
            $"""
            INSERT INTO migrations_of_services({Columns}) VALUES($id, $service, $source, $target, $state, $epoch, $held, $until, $detail)
            ON CONFLICT(operation) DO UPDATE SET state = $state, epoch = $epoch, held = $held, aside_until = $until, detail = $detail
            """,
            ("$id", row.Operation), ("$service", row.Service), ("$source", row.Source), ("$target", row.Target), ("$state", Word(row.State)), ("$epoch", (long)row.Epoch),
            ("$held", row.Held), ("$until", row.AsideUntil), ("$detail", row.Detail.ToByteArray()));

    /// <summary>A state as rows and messages have it.</summary>
    public static string Word(MigrationState state) => state.ToString().ToLowerInvariant();

    private static MigrationRow Map(SqliteDataReader r) => new()
    {
        Operation = r.GetString(0),
        Service = r.GetString(1),
        Source = r.GetString(2),
        Target = r.GetString(3),
        State = Enum.Parse<MigrationState>(r.GetString(4), ignoreCase: true),
        Epoch = (ulong)r.GetInt64(5),
        Held = r.GetInt64(6) != 0,
        AsideUntil = r.TextOrNull(7),
        Detail = r.IsDBNull(8) ? new MigrationDetail() : MigrationDetail.Parser.ParseFrom(r.Blob(8)),
    };
}
