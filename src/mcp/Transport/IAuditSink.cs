namespace Mcp.Transport;

/// <summary>One line of the audit: who did what, when, from where, and how it ended.</summary>
/// <param name="At">UTC.</param>
/// <param name="Principal"><c>kind/name</c>, "none" or "untrusted".</param>
/// <param name="Peer">The address, or <c>uid N</c>.</param>
/// <param name="Method"><c>mcp.v1.McpMasterService/Deploy</c>; for an unknown method what was asked for, escaped.</param>
/// <param name="Service">The service or node it was about, when the request names one.</param>
/// <param name="Operation">The operation's id, when there is one.</param>
/// <param name="OnBehalfOf">For whom the master called.</param>
/// <param name="Outcome">A gRPC status name: "OK", "PermissionDenied", …</param>
/// <param name="Detail">Why, in words; never a secret.</param>
internal sealed record AuditEntry(
    DateTimeOffset At, string Principal, string Peer, string Method, string? Service, string? Operation, string? OnBehalfOf, string Outcome, string? Detail);

/// <summary>
/// Where denials, mutating calls and readings of data or secrets are written. Called on the path of the call: an implementation queues or writes
/// quickly, and throws only when the entry is lost for good.
/// </summary>
internal interface IAuditSink
{
    /// <summary>Stores <paramref name="entry"/>.</summary>
    void Record(AuditEntry entry);
}
