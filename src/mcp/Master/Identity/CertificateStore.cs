using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>A certificate that was issued; see <c>certificates</c> in schema.sql.</summary>
internal sealed record CertificateRow(
    string Serial, string Subject, string Kind, string Source, string Principal, string KeySha256, string NotBefore, string NotAfter);

/// <summary>What the fleet's authority has issued.</summary>
internal static class CertificateStore
{
    private const string Columns = "serial, subject, kind, source, principal, key_sha256, not_before, not_after";

    /// <summary>Adds one; the same serial again is the same certificate.</summary>
    public static void Add(SqliteConnection connection, CertificateRow row) =>
        connection.Execute(
            $"INSERT OR IGNORE INTO certificates({Columns}) VALUES($serial, $subject, $kind, $source, $principal, $key, $before, $after)",
            ("$serial", row.Serial), ("$subject", row.Subject), ("$kind", row.Kind), ("$source", row.Source), ("$principal", row.Principal),
            ("$key", row.KeySha256), ("$before", row.NotBefore), ("$after", row.NotAfter));

    /// <summary>Every certificate that ends after <paramref name="after"/>, the first to end first.</summary>
    public static List<CertificateRow> EndingAfter(SqliteConnection connection, string after) =>
        connection.Query($"SELECT {Columns} FROM certificates WHERE not_after > $after ORDER BY not_after, serial", Map, ("$after", after));

    /// <summary>The certificates of one principal, the last to end first.</summary>
    public static List<CertificateRow> Of(SqliteConnection connection, string principal) =>
        connection.Query($"SELECT {Columns} FROM certificates WHERE principal = $principal ORDER BY not_after DESC, serial", Map, ("$principal", principal));

    /// <summary>The end of each principal's last certificate.</summary>
    public static Dictionary<string, string> LastEnds(SqliteConnection connection) =>
        connection.Query("SELECT principal, max(not_after) FROM certificates WHERE kind = 'identity' GROUP BY principal", r => (r.GetString(0), r.GetString(1)))
            .ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);

    private static CertificateRow Map(SqliteDataReader r) =>
        new(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6), r.GetString(7));
}
