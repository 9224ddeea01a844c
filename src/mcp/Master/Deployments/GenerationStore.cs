using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>The last deployed versions of each service.</summary>
internal static class GenerationStore
{
    /// <summary>How many are kept.</summary>
    public const int Kept = 10;

    /// <summary>Adds a generation and lets the oldest go.</summary>
    public static void Add(SqliteConnection connection, string service, GenerationRecord record)
    {
        connection.Execute(
            "INSERT OR REPLACE INTO generations(service, generation, record) VALUES($service, $generation, $record)",
            ("$service", service), ("$generation", (long)record.Generation), ("$record", record.ToByteArray()));
        connection.Execute(
            """
            DELETE FROM generations WHERE service = $service AND generation NOT IN
              (SELECT generation FROM generations WHERE service = $service ORDER BY generation DESC LIMIT $kept)
            """,
            ("$service", service), ("$kept", Kept));
    }

    /// <summary>The kept generations, the newest first.</summary>
    public static List<GenerationRecord> Of(SqliteConnection connection, string service) =>
        connection.Query(
            "SELECT record FROM generations WHERE service = $service ORDER BY generation DESC",
            r => GenerationRecord.Parser.ParseFrom(r.Blob(0)), ("$service", service));
}
