using System.Text;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Master.Configuration;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master.Identity;

/// <summary>What the operator is shown after a fleet was created.</summary>
/// <param name="ConfigurationFile">What <c>mcp master run</c> reads.</param>
/// <param name="FirstOperator">The admin's name.</param>
/// <param name="Invitation">The admin's token.</param>
/// <param name="Configuration">What was written.</param>
internal sealed record CreatedFleet(string ConfigurationFile, string FirstOperator, Invitation Invitation, MasterConfiguration Configuration);

/// <summary>
/// Creates a fleet. Killed at any line, running it again succeeds, because the file that says "here is a fleet" is written last:
/// 1 the folders; 2 the certificate authority; 3 its root as the bundle; 4 master.db; 5 the master's certificate; 6 the fleet's row, the first
/// operator and the hash of a token, in one transaction that a second try repeats; 7 the token is shown; 8 the configuration file.
/// </summary>
internal static class MasterInit
{
    /// <summary>The file that marks a finished fleet.</summary>
    public static string FileIn(string home) => Path.Combine(home, "mcp-master.toml");

    /// <summary>Creates the fleet of <paramref name="configuration"/> in its home.</summary>
    /// <param name="configuration">What to create; see <see cref="MasterConfiguration.At"/>.</param>
    /// <param name="firstOperator">The first admin.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="show">Prints the token and what to type; called before the fleet counts as created.</param>
    /// <exception cref="McpException">AlreadyExists: there is a fleet; InvalidArgument: a name; or the disk refused.</exception>
    public static CreatedFleet Run(MasterConfiguration configuration, string firstOperator, TimeProvider clock, Action<CreatedFleet> show)
    {
        configuration = WithListener(configuration);
        Check(configuration, firstOperator);
        var file = FileIn(configuration.Home);
        if (File.Exists(file))
            throw Exists(configuration, file);

        SecretFile.EnsureFolder(configuration.Home);
        SecretFile.EnsureFolder(Path.GetDirectoryName(configuration.TlsCertificate)!);
        SecretFile.EnsureFolder(Path.GetDirectoryName(configuration.Database)!);
        using var authority = FleetAuthority.Exists(configuration.CaFolder)
            ? FleetAuthority.Open(configuration.CaFolder, configuration.Domain, clock)
            : FleetAuthority.Create(configuration.CaFolder, configuration.Domain, configuration.Zone, configuration.AllowedDomains, clock);
        DurableFile.Write(configuration.CaCertificate, authority.Bundle.ToPem(), DurableFile.Public);

        using var database = MasterDatabase.Open(configuration.Database, clock);
        if (database.Read(c => OperatorStore.All(c).Exists(o => o.State != "invited") || NodeStore.All(c).Count > 0))
            throw Exists(configuration, configuration.Database);
        var credentials = new CredentialFile(configuration.TlsCertificate);
        if (!credentials.Exists)
            OwnIdentity.Issue(authority, credentials, database, configuration.Domain);

        var created = new CreatedFleet(file, firstOperator, Invite(database, authority, configuration, firstOperator, clock), configuration);
        show(created);
        DurableFile.Write(file, Encoding.UTF8.GetBytes(MasterConfigurationText.Write(configuration)), DurableFile.Secret);
        return created;
    }

    private static Invitation Invite(Database database, FleetAuthority authority, MasterConfiguration configuration, string firstOperator, TimeProvider clock)
    {
        var now = Timestamp.Now(clock);
        return new Invitations(database, authority.RootSha256, clock).Invite(PrincipalKind.Human, firstOperator, "admin", "human/local", connection =>
        {
            if (FleetStore.Find(connection) is null)
            {
                FleetStore.Create(
                    connection,
                    new FleetRow(configuration.FleetName, configuration.Domain, configuration.Zone, configuration.Address, authority.RootSha256, 1, 1),
                    now);
            }
            // A try that was killed may have chosen other words; the last one counts.
            FleetStore.Rename(connection, configuration.FleetName, configuration.Zone, configuration.Address);
            foreach (var earlier in OperatorStore.All(connection).Where(o => o.Name != firstOperator))
            {
                JoinTokenStore.Withdraw(connection, "human", earlier.Name);
                OperatorStore.SetState(connection, earlier.Name, "revoked");
            }
            OperatorStore.Put(connection, firstOperator, "admin", [], "invited", now, "human/local");
        });
    }

    // The port of the address is the port that is listened on; on loopback nothing else is, which makes it a fleet of one machine.
    private static MasterConfiguration WithListener(MasterConfiguration configuration)
    {
        var text = configuration.Address;
        if (!NodeAddress.TryParse(text, out var address, out _) && NodeAddress.TryParse($"{text}:{MasterConfiguration.DefaultPort}", out address, out _))
            text = address.ToString();
        if (address is null || !configuration.Listen.SequenceEqual([$":{MasterConfiguration.DefaultPort}"]))
            return configuration with { Address = text };
        return configuration with { Address = text, Listen = [ListenerFor(address)] };
    }

    /// <summary>Where a master listens whose operator said only at which address it is reached.</summary>
    internal static string ListenerFor(NodeAddress address) => address.IsLoopback ? address.ToString() : $":{address.Port}";

    private static void Check(MasterConfiguration configuration, string firstOperator)
    {
        if (!Hostname.TryParse(configuration.Domain, out _, out var problem))
            throw Wrong($"the domain '{Printable.Line(configuration.Domain, 256)}' {problem}", "--domain example.net");
        if (!Hostname.TryParse(configuration.Zone, out _, out problem))
            throw Wrong($"the zone '{Printable.Line(configuration.Zone, 256)}' {problem}", "--zone svc.example.net");
        if (DnsLabel.Problem(firstOperator) is { } wrong || firstOperator == "local")
            throw Wrong($"the operator's name '{Printable.Line(firstOperator, 100)}' cannot be used", "--operator <name>, a DNS label other than local");
        if (!NodeAddress.TryParse(configuration.Address, out _, out problem))
            throw Wrong($"the address '{Printable.Line(configuration.Address, 256)}' {problem}", $"--address <ip>:{MasterConfiguration.DefaultPort}");
    }

    private static McpException Wrong(string what, string hint) => new(FaultCode.InvalidArgument, what) { Hint = hint };

    private static McpException Exists(MasterConfiguration configuration, string file) =>
        new(FaultCode.AlreadyExists, $"there is a fleet in {configuration.Home} already ({file})")
        {
            Hint = "start it: mcp master run; invite another operator, as root on this machine while it runs: mcp operator add <name> --role admin",
        };
}
