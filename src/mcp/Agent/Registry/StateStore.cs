using System.Globalization;
using Mcp.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Single values and what the master's answers said about people: small, read often, so people and revocations are also held in memory.</summary>
internal sealed class StateStore
{
    private readonly Database _database;
    private volatile People _people;

    public StateStore(Database database)
    {
        _database = database;
        _people = database.Read(ReadPeople);
    }

    /// <summary>The highest term of a master that this node has obeyed; 0 before the first.</summary>
    public ulong Term => ulong.TryParse(Get("term"), NumberStyles.None, CultureInfo.InvariantCulture, out var term) ? term : 0;

    /// <summary>Where the master with the highest term said that it is; null before the first contact.</summary>
    public string? MasterAddress => Get("master-address");

    /// <summary>When a heartbeat or Register was last answered, RFC 3339 UTC; null: never.</summary>
    public string? MasterContact => Get("master-contact");

    /// <summary>The zone of internal names.</summary>
    public string Zone => Get("zone") ?? "";

    /// <summary>Which revision of revocations and operators this node has.</summary>
    public ulong RevocationRevision => ulong.TryParse(Get("revocation-revision"), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    /// <summary>The highest event id that the master has confirmed to hold.</summary>
    public long ReportedEvents => long.TryParse(Get("reported-events"), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0;

    /// <summary>Every revoked principal and serial number that this node knows of.</summary>
    public IReadOnlyCollection<string> Revoked => _people.Revoked;

    /// <summary>A person's role, or null.</summary>
    public OperatorEntry? FindOperator(string name) => _people.Operators.GetValueOrDefault(name);

    /// <summary>Whether a principal (<c>human/alice</c>) or a serial number is revoked.</summary>
    public bool IsRevoked(string entry) => _people.Revoked.Contains(entry);

    /// <summary>
    /// Takes a term: true when it is the highest seen or equal to it. A higher one also moves the master's address, in the same
    /// transaction, so an old master that comes back can never be obeyed after a new one was.
    /// </summary>
    public bool TryAdvanceTerm(ulong term, string? address)
    {
        if (term == Term && (string.IsNullOrEmpty(address) || address == MasterAddress))
            return true;
        return _database.Write(connection =>
        {
            var known = ulong.TryParse(connection.Scalar<string>("SELECT value FROM state WHERE key = 'term'"), NumberStyles.None, CultureInfo.InvariantCulture, out var t) ? t : 0;
            if (term < known)
                return false;
            Set(connection, "term", term.ToString(CultureInfo.InvariantCulture));
            if (!string.IsNullOrEmpty(address))
                Set(connection, "master-address", address);
            return true;
        });
    }

    /// <summary>Stores one value.</summary>
    public void Put(string key, string value) => _database.Write(connection => Set(connection, key, value));

    /// <summary>Replaces revocations and people by what the master sent, and their revision, at once.</summary>
    /// <returns>The entries that were not revoked before.</returns>
    public IReadOnlyList<string> ReplacePeople(ulong revision, IReadOnlyList<string> revoked, IReadOnlyList<OperatorEntry> operators)
    {
        var before = _people.Revoked;
        _database.Write(connection =>
        {
            connection.Execute("DELETE FROM revocations; DELETE FROM operators;");
            foreach (var entry in revoked)
                connection.Execute("INSERT OR IGNORE INTO revocations(entry) VALUES($entry)", ("$entry", entry));
            foreach (var person in operators)
            {
                connection.Execute(
                    "INSERT OR REPLACE INTO operators(name, role, services) VALUES($name, $role, $services)",
                    ("$name", person.Name), ("$role", person.Role), ("$services", string.Join(',', person.Services)));
            }
            Set(connection, "revocation-revision", revision.ToString(CultureInfo.InvariantCulture));
        });
        _people = _database.Read(ReadPeople);
        return [.. revoked.Where(entry => !before.Contains(entry))];
    }

    private string? Get(string key) =>
        _database.Read(connection => connection.Scalar<string>("SELECT value FROM state WHERE key = $key", ("$key", key)));

    private static void Set(Microsoft.Data.Sqlite.SqliteConnection connection, string key, string value) =>
        connection.Execute(
            "INSERT INTO state(key, value) VALUES($key, $value) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            ("$key", key), ("$value", value));

    private static People ReadPeople(Microsoft.Data.Sqlite.SqliteConnection connection) => new(
        connection.Query("SELECT name, role, services FROM operators", row => new OperatorEntry(
            row.GetString(0), row.GetString(1), row.GetString(2).Split(',', StringSplitOptions.RemoveEmptyEntries))).ToDictionary(o => o.Name, StringComparer.Ordinal),
        connection.Query("SELECT entry FROM revocations", row => row.GetString(0)).ToHashSet(StringComparer.Ordinal));

    private sealed record People(IReadOnlyDictionary<string, OperatorEntry> Operators, IReadOnlySet<string> Revoked);
}

/// <summary>A person and what they may do.</summary>
/// <param name="Name">The human's name.</param>
/// <param name="Role">"admin", "deploy" or "read".</param>
/// <param name="Services">For role deploy: these only; empty: all.</param>
internal sealed record OperatorEntry(string Name, string Role, IReadOnlyList<string> Services);
