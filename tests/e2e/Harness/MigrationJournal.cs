using Mcp.Master.Migrations;
using Microsoft.Data.Sqlite;

namespace Mcp.EndToEnd.Harness;

/// <summary>How far the newest migration of a fleet is, by the master's own database: quick enough to be asked between two calls of a role.</summary>
internal sealed class MigrationJournal(string database)
{
    private readonly string _source = new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 10 }.ToString();
    private string _before = "";

    /// <summary>Before any row of it was committed.</summary>
    public const string NotBegun = "not begun";

    /// <summary>What came before is not meant any more.</summary>
    public void Forget() => _before = Newest() ?? "";

    /// <summary>Its row; null: it has none.</summary>
    public MigrationRow? Row()
    {
        using var connection = Open();
        return Newest(connection) is { } newest && string.CompareOrdinal(newest, _before) > 0 ? MigrationStore.Find(connection, newest) : null;
    }

    /// <summary>How far it is, in a word: its state, and within a state whether what comes next has begun.</summary>
    public string Step() => Row() switch
    {
        null => NotBegun,
        { State: MigrationState.Validated, Held: true } => "stopping",
        { State: MigrationState.Stopped, Detail.DataCalled: true } => "copying",
        { State: MigrationState.Imported, Detail.DeployCalled: true } => "deploying",
        { } row => MigrationStore.Word(row.State),
    };

    /// <summary>Whether the target owns the service.</summary>
    public bool IsCommitted() => Row() is { IsCommitted: true };

    private string? Newest()
    {
        using var connection = Open();
        return Newest(connection);
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_source);
        connection.Open();
        return connection;
    }

    private static string? Newest(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT max(operation) FROM migrations_of_services";
        return command.ExecuteScalar() as string;
    }
}
