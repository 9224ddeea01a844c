namespace Mcp.Alerts;

/// <summary>What an alert is about: two alerts with equal subjects are about the same thing. Cooldown counts for a subject.</summary>
/// <param name="Kind">What is the matter, of a documented list: "container down", "node unhealthy", …</param>
/// <param name="Node">The node; empty: the fleet.</param>
/// <param name="Service">The service; empty: the node as a whole.</param>
/// <param name="Component">The component; empty: the service as a whole.</param>
internal readonly record struct AlertSubject(string Kind, string Node, string Service = "", string Component = "")
{
    /// <summary>Where it is, for a log: "orion/notes/db".</summary>
    public string Place => string.Join('/', new[] { Node, Service, Component }.Where(p => p.Length > 0));
}

/// <summary>What is the matter, in words.</summary>
/// <param name="Subject">What it is about.</param>
/// <param name="Severity">"info", "warning" or "error".</param>
/// <param name="Message">What, where, why; printable.</param>
/// <param name="Command">What to type next.</param>
internal sealed record AlertNotice(AlertSubject Subject, string Severity, string Message, string Command);
