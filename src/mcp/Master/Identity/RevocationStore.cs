using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>
/// Who may no longer call: a principal ("human/alice"), or one certificate by its serial number in hex (no name has a form like it: principals hold a slash). Removing a principal revokes both its
/// name and the serials of its certificates; adding the name again lifts only the name, so an old certificate never comes back to life.
/// </summary>
internal static class RevocationStore
{
    /// <summary>Revokes <paramref name="subjects"/> and moves the revision once; gives the new revision.</summary>
    public static ulong Add(SqliteConnection connection, IEnumerable<string> subjects, string at, string by, string reason)
    {
        var revision = FleetStore.RaiseRevision(connection);
        foreach (var subject in subjects)
        {
            connection.Execute(
                """
                INSERT INTO revocations(subject, revision, at, by, reason) VALUES($subject, $revision, $at, $by, $reason)
                ON CONFLICT(subject) DO UPDATE SET revision = $revision, at = $at, by = $by, reason = $reason, lifted_at = NULL
                """,
                ("$subject", subject), ("$revision", (long)revision), ("$at", at), ("$by", by), ("$reason", reason));
        }
        return revision;
    }

    /// <summary>Lets a name be used again; moves the revision when it was revoked.</summary>
    public static void Lift(SqliteConnection connection, string principal, string at)
    {
        if (connection.Execute("UPDATE revocations SET lifted_at = $at WHERE subject = $subject AND lifted_at IS NULL", ("$subject", principal), ("$at", at)) > 0)
            FleetStore.RaiseRevision(connection);
    }

    /// <summary>Every subject that is revoked now.</summary>
    public static List<string> All(SqliteConnection connection) =>
        connection.Query("SELECT subject FROM revocations WHERE lifted_at IS NULL ORDER BY subject", r => r.GetString(0));
}
