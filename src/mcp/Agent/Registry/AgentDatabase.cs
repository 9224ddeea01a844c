using System.Globalization;
using Mcp.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Opens <c>mcp.db</c> with the agent's migrations.</summary>
internal static class AgentDatabase
{
    private static readonly Migration[] Migrations = [Migration.FromResource(1, "Agent/schema.sql", minReader: 1)];

    /// <summary>Opens or creates the registry; see <see cref="Database.Open"/>.</summary>
    public static Database Open(string path, TimeProvider clock) => Database.Open(path, Migrations, clock);

    /// <summary>Now as the database and the wire write it: RFC 3339 UTC with milliseconds, so that text sorts as time.</summary>
    public static string Stamp(this TimeProvider clock) => Stamp(clock.GetUtcNow());

    /// <summary>A time as the database writes it.</summary>
    public static string Stamp(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
