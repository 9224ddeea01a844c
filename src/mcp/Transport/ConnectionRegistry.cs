using System.Collections.Concurrent;
using Mcp.Names;
using Microsoft.AspNetCore.Connections;

namespace Mcp.Transport;

/// <summary>
/// The live TLS connections of a server with the principals that they were made as: a revocation must end open streams, and a stream
/// asks nobody's leave after it began.
/// </summary>
internal sealed class ConnectionRegistry
{
    private readonly ConcurrentDictionary<ConnectionContext, (Principal Principal, string? Serial)> _live = new();

    /// <summary>How many identified connections are open.</summary>
    public int Count => _live.Count;

    /// <summary>Whether <paramref name="principal"/> has a connection open.</summary>
    public bool IsConnected(Principal principal) => _live.Values.Any(v => v.Principal == principal);

    /// <summary>Aborts every connection that <paramref name="condemned"/> selects by principal and serial number; returns how many.</summary>
    public int Cut(Func<Principal, string?, bool> condemned)
    {
        var cut = 0;
        foreach (var (connection, who) in _live)
        {
            if (!condemned(who.Principal, who.Serial))
                continue;
            connection.Abort(new ConnectionAbortedException($"the connection of {who.Principal} was cut: revoked"));
            cut++;
        }
        return cut;
    }

    /// <summary>Aborts the connections of whatever <paramref name="directory"/> calls revoked; run after every change of revocations.</summary>
    public int CutRevoked(IAccessDirectory directory) => Cut(directory.IsRevoked);

    /// <summary>Remembers a connection until it ends.</summary>
    internal void Add(ConnectionContext connection, Principal principal, string? serial) => _live[connection] = (principal, serial);

    /// <summary>Forgets a connection that ended.</summary>
    internal void Remove(ConnectionContext connection) => _live.TryRemove(connection, out _);
}
