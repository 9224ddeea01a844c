using System.Collections.Concurrent;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;

namespace Mcp.Master.Identity;

/// <summary>
/// Notices the first call with a renewed key: from then on the older keys of that principal are refused and their connections cut
/// (a channel keeps its old connection until it breaks, and must now come with the new certificate). Also remembers when people called.
/// </summary>
internal sealed class SeenKeys(Database database, FleetDirectory directory, TimeProvider clock)
{
    private static readonly TimeSpan Coarse = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, byte> _current = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _people = new(StringComparer.Ordinal);

    /// <summary>Told of every call that passed the gate. True when older connections of the principal are to be cut now.</summary>
    public bool Saw(Caller caller)
    {
        if (caller is not { State: CallerState.Valid, Principal: { Kind: not PrincipalKind.Master } principal, KeySha256: { } key })
            return false;
        if (principal.Kind == PrincipalKind.Human)
            SawPerson(principal.Name);
        var name = principal.ToString();
        // Once a key is known to be the current one, nothing is to be done until another key is made current.
        if (!_current.TryAdd($"{name} {key}", 0))
            return false;
        // Looked at without waiting for the writer: after a restart of the master this is every node's first call.
        if (database.Read(connection => KnownKeyStore.Find(connection, name, key)) is not { State: "new" })
            return false;
        database.Write(connection => KnownKeyStore.Confirm(connection, name, key));
        directory.Reload();
        return true;
    }

    /// <summary>Forgets what was seen of a principal, after its keys were started anew.</summary>
    public void Forget(Principal principal)
    {
        foreach (var entry in _current.Keys.Where(k => k.StartsWith(principal + " ", StringComparison.Ordinal)))
            _current.TryRemove(entry, out _);
    }

    private void SawPerson(string name)
    {
        var now = clock.GetUtcNow();
        if (_people.TryGetValue(name, out var last) && now - last < Coarse)
            return;
        _people[name] = now;
        database.Write(connection => OperatorStore.Seen(connection, name, Timestamp.Format(now)));
    }
}
