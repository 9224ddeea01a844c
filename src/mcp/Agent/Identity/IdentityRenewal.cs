using Google.Protobuf;
using Grpc.Core;
using Mcp.Certificates;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Identity;

/// <summary>
/// Renews the node's certificate in the running process when a third of its life is left, or comes back with an expired one. The new key is on
/// disk before the call, so a call whose answer is lost is repeated with the same key; the master honours both until it has seen the new one.
/// </summary>
internal sealed partial class IdentityRenewal(FleetIdentity identity, TimeProvider clock, ILogger logger)
{
    /// <summary>Whether the certificate is due.</summary>
    public bool IsDue => Lifetimes.IsThirdLeft(identity.Credentials.Current.NotBefore, identity.Credentials.Current.NotAfter, clock.GetUtcNow());

    /// <summary>Whether its time is over: until it is renewed, nothing else may be called.</summary>
    public bool IsExpired => identity.Credentials.Current.NotAfter <= clock.GetUtcNow();

    /// <summary>Renews if it is due.</summary>
    /// <exception cref="Errors.McpException">The master cannot be reached or refuses; the old certificate stays in use.</exception>
    public async Task RenewIfDueAsync(McpMasterService.McpMasterServiceClient master, CancellationToken ct)
    {
        if (!IsDue)
            return;
        using var key = identity.File.PendingKey();
        var answer = await master.RenewIdentityAsync(
            new RenewIdentityRequest { CsrDer = ByteString.CopyFrom(key.CreateRequest()) },
            new Metadata { { CallMetadata.Operation, OperationId.New(clock).Value } }, cancellationToken: ct);
        var credential = identity.File.Install(key, answer.ChainPem.Span);
        identity.Credentials.Replace(credential);
        identity.TakeBundle(answer.CaBundle.Span);
        Renewed(credential.NotAfter);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The node's certificate was renewed; it is valid until {NotAfter}")]
    private partial void Renewed(DateTimeOffset notAfter);
}
