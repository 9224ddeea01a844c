using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>
/// The connection that a role writes with. It keeps the compiled form of the few statements that are run a thousand times a second; compiling one
/// takes longer than running it.
/// </summary>
internal sealed class WriterConnection(string connectionString) : SqliteConnection(connectionString)
{
    private readonly Dictionary<string, SqliteCommand> _compiled = new(StringComparer.Ordinal);

    /// <summary>Runs one statement of a fixed text; the names and the order of its parameters belong to the text.</summary>
    public void ExecuteCompiled(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (!_compiled.TryGetValue(sql, out var command))
        {
            command = CreateCommand();
            command.CommandText = sql;
            foreach (var (name, _) in parameters)
                command.Parameters.AddWithValue(name, DBNull.Value);
            _compiled.Add(sql, command);
        }
        command.Transaction = Transaction;
        for (var i = 0; i < parameters.Length; i++)
            command.Parameters[i].Value = parameters[i].Value ?? DBNull.Value;
        command.ExecuteNonQuery();
    }
}
