using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>
/// The master's own certificate, renewed in the running process when a third of its life is left: new handshakes use it at once, open
/// connections live on. The intermediates are renewed on the same round.
/// </summary>
internal sealed partial class OwnIdentity(
    FleetAuthority authority, CredentialFile file, CredentialSource source, Database database, FleetTerms terms, TimeProvider clock, ILogger<OwnIdentity> log)
{
    private static readonly TimeSpan Round = TimeSpan.FromHours(6);

    /// <summary>Issues a certificate over the pending key and puts it in force; killed at any line, the next try asks with the same key.</summary>
    public static Credential Issue(FleetAuthority authority, CredentialFile file, Database database, string domain)
    {
        using var key = file.PendingKey();
        var issued = authority.IssueIdentity(Principal.TheMaster, key.CreateRequest(), Lifetimes.Machine);
        var credential = file.Install(key, issued.ChainPem);
        database.Write(connection => CertificateStore.Add(connection, IssuedRow.Of(Principal.TheMaster, issued, domain)));
        return credential;
    }

    /// <summary>Looks once, and renews what is due.</summary>
    public void Look()
    {
        try
        {
            if (authority.RenewIntermediates())
                LogIntermediates();
            authority.ConstrainNames(terms.Zone, terms.AllowedDomains);
            var current = source.Current;
            if (!Lifetimes.IsThirdLeft(current.NotBefore, current.NotAfter, clock.GetUtcNow()))
                return;
            source.Replace(Issue(authority, file, database, terms.Domain));
            LogRenewed(source.Current.NotAfter);
        }
        catch (McpException e)
        {
            // The old identity stays in force and the next round tries again; a finding counts down its days.
            LogFailed(e.Message, e.Cause ?? "");
        }
    }

    /// <summary>Looks every six hours until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Round, clock);
        do
            Look();
        while (await timer.WaitForNextTickAsync(cancellation));
    }
}
