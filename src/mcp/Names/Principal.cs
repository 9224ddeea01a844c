using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>What a principal is; the authorization table speaks only of these.</summary>
internal enum PrincipalKind
{
    /// <summary>A person, or <c>local</c>: whoever may open the role's Unix socket.</summary>
    Human,

    /// <summary>The agent of one node.</summary>
    Agent,

    /// <summary>The master.</summary>
    Master,
}

/// <summary>Who is calling: <c>human/alice</c>, <c>agent/orion</c>, <c>master/mcp-master</c>. The agent of node <c>orion</c> carries the node's bare name.</summary>
/// <param name="Kind">Human, agent or master.</param>
/// <param name="Name">A DNS label.</param>
internal sealed record Principal(PrincipalKind Kind, string Name)
{
    /// <summary>The only master of a fleet.</summary>
    public static readonly Principal TheMaster = new(PrincipalKind.Master, "mcp-master");

    /// <summary>Whoever opened a role's Unix socket (mode 0600): root, or the role's own user.</summary>
    public static readonly Principal Local = new(PrincipalKind.Human, "local");

    /// <summary>The agent of <paramref name="node"/>.</summary>
    public static Principal AgentOf(NodeName node) => new(PrincipalKind.Agent, node.Value);

    /// <summary>The SPIFFE id that a certificate of this principal carries as its only URI SAN.</summary>
    public string ToUri(string domain) => $"spiffe://{domain}/{KindText}/{Name}";

    /// <summary>"human", "agent" or "master".</summary>
    public string KindText => Kind switch
    {
        PrincipalKind.Human => "human",
        PrincipalKind.Agent => "agent",
        PrincipalKind.Master => "master",
        _ => throw new InvalidOperationException($"Unknown principal kind {Kind}."),
    };

    /// <summary>Reads <c>spiffe://domain/kind/name</c> of exactly this <paramref name="domain"/>; anything else is refused.</summary>
    public static bool TryParseUri(string uri, string domain, [NotNullWhen(true)] out Principal? principal)
    {
        principal = null;
        var prefix = $"spiffe://{domain}/";
        return uri.StartsWith(prefix, StringComparison.Ordinal) && TryParse(uri[prefix.Length..], out principal);
    }

    /// <summary>Reads <c>kind/name</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Principal? principal)
    {
        principal = null;
        var slash = text?.IndexOf('/') ?? -1;
        if (slash < 0)
            return false;
        PrincipalKind? kind = text![..slash] switch
        {
            "human" => PrincipalKind.Human,
            "agent" => PrincipalKind.Agent,
            "master" => PrincipalKind.Master,
            _ => null,
        };
        if (kind is null || !DnsLabel.IsValid(text[(slash + 1)..]))
            return false;
        principal = new Principal(kind.Value, text[(slash + 1)..]);
        return true;
    }

    /// <summary><c>kind/name</c>.</summary>
    public override string ToString() => $"{KindText}/{Name}";
}
