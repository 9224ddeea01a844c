namespace Mcp.EndToEnd.Harness;

/// <summary>A database of a role, looked at or changed by <c>sqlite3</c> from outside, as an operator would; a role that holds a lock is waited for.</summary>
internal static class SqliteFile
{
    private static readonly string[] Patience = ["-cmd", ".timeout 10000"];

    /// <summary>What a query prints.</summary>
    public static async Task<string> ReadAsync(string database, string sql) =>
        (await Shell.RunAsync("sqlite3", ["-readonly", .. Patience, database, sql])).OrThrow().Output.Trim();

    /// <summary>Changes it.</summary>
    public static async Task WriteAsync(string database, string sql) => (await Shell.RunAsync("sqlite3", [.. Patience, database, sql])).OrThrow();
}
