using System.Globalization;
using Mcp.Certificates;
using Mcp.Errors;

namespace Mcp.Cli.Doctor;

/// <summary>
/// The identities of this machine: the key is the certificate's, the chain leads to the fleet's root, it names whom the configuration says, and how
/// many days are left. Machines renew with 30 days left and people on use, so fewer days than here mean that renewing does not work.
/// </summary>
internal sealed class CertificatesCheck() : DoctorCheck("certificates")
{
    private const int MachineDays = 20, HumanDays = 5, RootDays = 365;

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var now = scene.Context.Clock.GetUtcNow();
        var lines = new List<DoctorLine>();
        if (scene.Operator is { } human)
            lines.AddRange(Identity(human.CredentialFile, human.TrustFile, null, HumanDays, now, $"mcp login {human.MasterAddress}   (with a token from an admin: mcp operator add NAME)"));
        if (scene.Agent is { } agent)
        {
            lines.AddRange(Identity(agent.TlsCertificate, agent.CaCertificate, $"/agent/{agent.Name}", MachineDays, now,
                $"the running agent renews it, also late, when it reaches the master: journalctl -u mcp-agent; for a new identity: mcp node add {agent.Name} on your machine, mcp agent join here"));
            if (agent.TlsKey != agent.TlsCertificate)
                lines.Add(Warning($"key and chain are two files ({agent.TlsKey}, {agent.TlsCertificate}); a crash between two renames could tear them apart", "name one file in tls_cert and leave tls_key out"));
        }
        if (scene.Master is { } master)
            lines.AddRange(Identity(master.TlsCertificate, master.CaCertificate, "/master/mcp-master", MachineDays, now, "the running master renews it: journalctl -u mcp-master"));
        return Task.FromResult<IReadOnlyList<DoctorLine>>(lines);
    }

    private List<DoctorLine> Identity(string credentialFile, string trustFile, string? name, int days, DateTimeOffset now, string remedy)
    {
        var lines = new List<DoctorLine>();
        TrustBundle? trust = null;
        try
        {
            trust = TrustBundle.FromFile(trustFile);
            foreach (var root in trust.Roots)
            {
                if ((root.NotAfter.ToUniversalTime() - now.UtcDateTime).TotalDays is var left && left < RootDays)
                    lines.Add(Warning($"the fleet's root in {trustFile} ends in {left:0} days", "plan a new root with the other operators: mcp ca show"));
            }
        }
        catch (McpException e)
        {
            lines.Add(Error(e, remedy));
        }
        try
        {
            lines.Add(Judge(new CredentialFile(credentialFile).Load(), credentialFile, trust, name, days, now, remedy));
        }
        catch (McpException e)
        {
            lines.Add(Error(e, remedy));
        }
        return lines;
    }

    /// <summary>The verdict on one identity whose key fits its certificate.</summary>
    public DoctorLine Judge(Credential credential, string file, TrustBundle? trust, string? name, int days, DateTimeOffset now, string remedy)
    {
        if (!Uri.TryCreate(credential.Uri, UriKind.Absolute, out var uri))
            return Error($"{file} holds no identity of a fleet", remedy);
        if (name is not null && uri.AbsolutePath != name)
            return Error($"{file} is {uri}, not {name[1..]}", remedy);
        if (now > credential.NotAfter)
            return Error($"{uri} in {file} expired on {credential.NotAfter:u}; the clock here says {now:u}", remedy);
        if (now < credential.NotBefore)
            return Error($"{uri} in {file} is valid only from {credential.NotBefore:u}; the clock here says {now:u}", "set the clock: timedatectl set-ntp true");
        if (trust is not null && IdentityVerifier.Verify(credential.Leaf, credential.Intermediates, trust, uri.Host, now) is { State: not IdentityState.Valid } judged)
            return Error($"{uri} in {file} is not of the fleet whose root is here: {judged.Problem}", remedy);
        var left = (credential.NotAfter - now).TotalDays;
        var words = string.Create(CultureInfo.InvariantCulture, $"{uri} in {file}, {Math.Floor(left):0} days left");
        return left < days ? Warning($"{words}: it should have been renewed by now", remedy) : Ok(words);
    }
}
