using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>The few shapes in which statements are run; every value travels as a parameter.</summary>
internal static class SqliteStatements
{
    /// <summary>Runs one or more statements and gives the number of changed rows.</summary>
    public static int Execute(this SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(connection, sql, parameters);
        return command.ExecuteNonQuery();
    }

    /// <summary>As <see cref="Execute"/>, for a statement of a fixed text that is run over and over: the writer's connection keeps it compiled.</summary>
    public static void ExecuteOften(this SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (connection is WriterConnection writer)
            writer.ExecuteCompiled(sql, parameters);
        else
            connection.Execute(sql, parameters);
    }

    /// <summary>The first column of the first row, or null when there is none.</summary>
    public static T? Scalar<T>(this SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(connection, sql, parameters);
        return command.ExecuteScalar() is T value ? value : default;
    }

    /// <summary>All rows, each through <paramref name="map"/>.</summary>
    public static List<T> Query<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(connection, sql, parameters);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(map(reader));
        return rows;
    }

    /// <summary>The first row through <paramref name="map"/>, or null.</summary>
    public static T? QueryFirst<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> parameters)
        where T : class
    {
        using var command = Command(connection, sql, parameters);
        using var reader = command.ExecuteReader();
        return reader.Read() ? map(reader) : null;
    }

    /// <summary>A text column that may be NULL.</summary>
    public static string? TextOrNull(this SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>A blob column.</summary>
    public static byte[] Blob(this SqliteDataReader reader, int column) => (byte[])reader.GetValue(column);

    private static SqliteCommand Command(SqliteConnection connection, string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        // CreateCommand takes over the connection's open transaction.
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
