using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Transport;

/// <summary>
/// A channel to one principal, wherever it lives: <c>new McpAgentService.McpAgentServiceClient(channel)</c>. Calls fail with
/// <see cref="McpException"/> (streams too), never with RpcException; a call whose own token was cancelled throws OperationCanceledException.
/// A unary call without a deadline gets <see cref="UnaryDeadline"/>: give long ones (Deploy, Migrate) their own.
/// A peer that lost its power is noticed within 7 seconds by HTTP/2 pings, also while no call runs; a stream that is open then fails.
/// </summary>
internal sealed class PeerChannel : ChannelBase, IDisposable
{
    /// <summary>The deadline of a unary call that has none of its own.</summary>
    public static readonly TimeSpan UnaryDeadline = TimeSpan.FromSeconds(60);

    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;

    private PeerChannel(string words, HttpMessageHandler handler, string authority, int answerBytes, Action? changed)
        : base(words)
    {
        _channel = GrpcChannel.ForAddress($"https://{authority}", ChannelLimits.Options(handler, answerBytes));
        _invoker = new FaultInvoker(_channel.CreateCallInvoker(), words, changed);
    }

    /// <summary>Opens a channel; the connection is made at the first call and again whenever it broke.</summary>
    /// <param name="addresses"><c>host:port</c>, tried in order; dialled as they are, verified by identity.</param>
    /// <param name="expected">Who must answer.</param>
    /// <param name="own">What this side presents, asked for at every new connection; null: nothing (joining).</param>
    /// <param name="trust">The fleet's roots.</param>
    /// <param name="domain">The fleet's trust domain.</param>
    /// <param name="clock">The clock by which the peer's certificate is judged.</param>
    /// <param name="bulk">For data: its pings have patience, and whoever uses it asks on another channel whether the peer is there.</param>
    /// <param name="changed">Told of every call that changes something at the peer, as it begins and before its caller hears of its end.</param>
    /// <exception cref="McpException">An address is malformed.</exception>
    public static PeerChannel Open(
        IReadOnlyList<string> addresses, Principal expected, CredentialSource? own, TrustSource trust, string domain, TimeProvider clock, bool bulk = false, Action? changed = null)
    {
        var words = $"{expected} at {string.Join(" or ", addresses)}";
        var dialer = new PeerDialer(addresses, words);
        var handler = new RenewingHandler(own, credential => ChannelLimits.Handler(dialer.ConnectAsync, new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            AllowTlsResume = false,
            AllowRenegotiation = false,
            ClientCertificateContext = credential?.Context,
            CertificateChainPolicy = TlsListener.ChainPolicy(trust.Current),
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                Accept(certificate as X509Certificate2, chain, expected, trust.Current, domain, words, clock.GetUtcNow()),
        }, bulk));
        return new(
            words, handler, $"{expected.Name}.{expected.KindText}.{domain}",
            expected.Kind == PrincipalKind.Master ? ChannelLimits.MaxMasterAnswerBytes : ServerLimits.MaxMessageBytes, changed);
    }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => _invoker;

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    /// <summary>Judges who answered. A refusal is thrown, not returned: its words travel through the transport to the call (<see cref="RpcFault.FromRpc"/>).</summary>
    private static bool Accept(
        X509Certificate2? certificate, X509Chain? chain, Principal expected, TrustBundle bundle, string domain, string words, DateTimeOffset now)
    {
        if (certificate is null)
            throw new McpException(FaultCode.Unauthenticated, $"{words} presented no certificate");
        var identity = IdentityVerifier.Verify(certificate, chain?.ChainPolicy.ExtraStore ?? [], bundle, domain, now);
        return identity switch
        {
            { State: IdentityState.Valid } when identity.Principal == expected => true,
            { State: IdentityState.Valid } => throw new McpException(FaultCode.Unauthenticated, $"expected {words}, got {identity.Principal}")
            {
                Hint = "another role or node has this address now; correct it (mcp node set NAME --address ADDRESS, or mcp.toml)",
            },
            { State: IdentityState.Expired } => throw new McpException(FaultCode.Unauthenticated, $"the certificate of {words} has expired")
            {
                Cause = identity.Problem,
                Hint = "compare the clocks of both machines (date -u); a role that runs renews by itself",
            },
            _ when now < identity.NotBefore => throw new McpException(FaultCode.Unauthenticated, $"the certificate of {words} is not valid yet")
            {
                Cause = identity.Problem,
                Hint = "compare the clocks of both machines (date -u) and set the wrong one",
            },
            _ => throw new McpException(FaultCode.Unauthenticated, $"{words} is not of this fleet")
            {
                Cause = identity.Problem,
                Hint = "check the address, and that [tls] ca_cert is this fleet's root",
            },
        };
    }
}
