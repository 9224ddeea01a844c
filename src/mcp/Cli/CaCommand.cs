using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ConsoleAppFramework;
using Mcp.Certificates;
using Mcp.Cli.Configuration;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;

namespace Mcp.Cli;

/// <summary>Whom this machine trusts, and as whom it speaks.</summary>
internal sealed class CaCommand(CommandContext context)
{
    /// <summary>Shows the fleet's root certificates that this machine trusts, and its own identity; asks nobody.</summary>
    /// <param name="json">print JSON</param>
    [Command("show")]
    public void Show(bool json = false)
    {
        var configuration = CliConfigurationReader.Read(ConfigurationFolder.Find(context));
        var roots = TrustBundle.FromFile(configuration.TrustFile).Roots.Select(Authority).ToList();
        var own = new CredentialFile(configuration.CredentialFile).Load();
        var identity = new CertificateDocument(own.Uri ?? own.Leaf.Subject, "identity", "", "embedded", own.Serial, Time(own.NotBefore), Time(own.NotAfter));
        if (json)
        {
            context.Screen.Json(new AuthoritiesDocument(roots, identity), CliJson.Default.AuthoritiesDocument);
            return;
        }
        var listing = new Listing("WHAT", "SUBJECT", "VALID", "SHA-256 OF THE ROOT, SERIAL OF THE IDENTITY");
        foreach (var root in roots)
            listing.Add("root", root.Subject, Measures.Left(root.NotAfter, context.Clock), root.Sha256);
        listing.Add("identity", identity.Subject, Measures.Left(identity.NotAfter, context.Clock), identity.Serial);
        context.Screen.Table(listing, "");
    }

    private static AuthorityDocument Authority(X509Certificate2 root) => new(
        root.Subject, Convert.ToHexStringLower(SHA256.HashData(root.RawData)), Time(root.NotBefore.ToUniversalTime()), Time(root.NotAfter.ToUniversalTime()));

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
}
