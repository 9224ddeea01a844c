using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Mcp.Certificates;

/// <summary>
/// A single-use invitation: a secret of 256 bits and the SHA-256 of the fleet's root, so that who joins can tell the master from an impostor
/// before it sends the secret. Text form <c>mcpj1.SECRET.ROOT</c>, both base64url. The master stores <see cref="SecretSha256"/>, never the secret.
/// </summary>
internal sealed class JoinToken
{
    private const string Prefix = "mcpj1";

    private readonly string _text;

    private JoinToken(string text, string secretSha256, string rootSha256)
    {
        _text = text;
        SecretSha256 = secretSha256;
        RootSha256 = rootSha256;
    }

    /// <summary>Lower-case hex; what the master stores and looks up.</summary>
    public string SecretSha256 { get; }

    /// <summary>Lower-case hex SHA-256 of the root in DER; see <see cref="TrustBundle.Pin"/>.</summary>
    public string RootSha256 { get; }

    /// <summary>A new token for the fleet of this root (lower-case hex SHA-256).</summary>
    public static JoinToken New(string rootSha256)
    {
        var text = $"{Prefix}.{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}.{Base64Url.EncodeToString(Convert.FromHexString(rootSha256))}";
        return TryParse(text, out var token) ? token : throw new ArgumentException("not a SHA-256", nameof(rootSha256));
    }

    /// <summary>Reads a token that a person pasted; surrounding white space does not matter.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out JoinToken? token)
    {
        token = null;
        text = text?.Trim();
        if (text is null or { Length: > 200 } || text.Split('.') is not [Prefix, var secret, var root])
            return false;
        var rootBytes = new byte[32];
        var secretBytes = new byte[32];
        if (!Base64Url.IsValid(secret, out var secretLength) || secretLength != 32 || !Base64Url.IsValid(root, out var rootLength) || rootLength != 32
            || !Base64Url.TryDecodeFromChars(secret, secretBytes, out _) || !Base64Url.TryDecodeFromChars(root, rootBytes, out _))
        {
            return false;
        }
        token = new JoinToken(text, Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secret))), Convert.ToHexStringLower(rootBytes));
        return true;
    }

    /// <summary>The token itself, a secret: printed once for the operator, sent in Join, never logged. Deliberately not ToString.</summary>
    public string Reveal() => _text;
}
