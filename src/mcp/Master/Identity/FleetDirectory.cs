using System.Collections.Frozen;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Identity;

/// <summary>
/// Who is known to the fleet at this moment. Asked at every call, so it answers from memory; whoever changes operators, nodes, keys,
/// tokens or revocations calls <see cref="Reload"/> after the commit. Nothing is known before the first reload: default deny.
/// </summary>
internal sealed class FleetDirectory(Database database, IReadOnlyCollection<string> allowedAgents, TimeProvider clock) : IAccessDirectory
{
    private volatile Known _known = Known.Nobody;

    /// <summary>The revision of revocations and operators that <see cref="Revoked"/> and <see cref="Operators"/> belong to.</summary>
    public ulong Revision => _known.Revision;

    /// <summary>Every revoked subject, as agents are told.</summary>
    public IReadOnlyCollection<string> Revoked => _known.Revoked;

    /// <summary>Every active operator, as agents are told.</summary>
    public IReadOnlyList<OperatorRole> Operators => _known.Roles;

    /// <inheritdoc/>
    public bool IsJoinOpen => _known.JoinOpenUntil > clock.GetUtcNow();

    /// <inheritdoc/>
    public OperatorGrant? FindOperator(string name) => _known.Grants.GetValueOrDefault(name);

    /// <inheritdoc/>
    public bool IsRevoked(Principal principal, string? serial)
    {
        var known = _known;
        return known.Revoked.Contains(principal.ToString())
            || (serial is not null && (known.Retired.Contains(serial) || known.Revoked.Contains(serial)));
    }

    /// <inheritdoc/>
    public bool IsNodeAllowed(string node) => _known.Nodes.Contains(node) && (allowedAgents.Count == 0 || allowedAgents.Contains(node));

    /// <summary>Reads the rows again.</summary>
    public void Reload() => _known = database.Read(connection =>
    {
        var operators = OperatorStore.All(connection).Where(o => o.State == "active").ToList();
        return new Known(
            FleetStore.Find(connection)?.RevocationRevision ?? 0,
            operators.ToFrozenDictionary(o => o.Name, o => new OperatorGrant(o.Name, RoleOf(o.Role), o.Services), StringComparer.Ordinal),
            [.. operators.Select(RoleMessage)],
            RevocationStore.All(connection).ToFrozenSet(StringComparer.Ordinal),
            // A key that a renewal replaced is as good as revoked, on the master alone: agents meet it at most for the rest of its life.
            connection.Query(
                "SELECT c.serial FROM certificates c JOIN known_keys k ON k.principal = c.principal AND k.key_sha256 = c.key_sha256 WHERE k.state = 'retired'",
                r => r.GetString(0)).ToFrozenSet(StringComparer.Ordinal),
            NodeStore.All(connection).Select(n => n.Name).ToFrozenSet(StringComparer.Ordinal),
            Timestamp.Read(connection.Scalar<string>("SELECT max(expires_at) FROM join_tokens")) ?? DateTimeOffset.MinValue);
    });

    private static HumanRole RoleOf(string role) => role switch
    {
        "admin" => HumanRole.Admin,
        "deploy" => HumanRole.Deploy,
        _ => HumanRole.Read,
    };

    private static OperatorRole RoleMessage(OperatorRow row)
    {
        var message = new OperatorRole { Name = row.Name, Role = row.Role };
        message.Services.AddRange(row.Services);
        return message;
    }

    private sealed record Known(
        ulong Revision,
        FrozenDictionary<string, OperatorGrant> Grants,
        IReadOnlyList<OperatorRole> Roles,
        FrozenSet<string> Revoked,
        FrozenSet<string> Retired,
        FrozenSet<string> Nodes,
        DateTimeOffset JoinOpenUntil)
    {
        public static readonly Known Nobody =
            new(0, FrozenDictionary<string, OperatorGrant>.Empty, [], [], [], [], DateTimeOffset.MinValue);
    }
}
