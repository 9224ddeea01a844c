namespace Mcp.Certificates;

/// <summary>What the authority hands out.</summary>
/// <param name="ChainPem">Leaf and intermediate, in this order; never the root.</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="NotBefore">Backdated by <see cref="Lifetimes.Backdate"/>.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="KeySha256">Lower-case hex SHA-256 of the SubjectPublicKeyInfo.</param>
internal sealed record IssuedCertificate(byte[] ChainPem, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string KeySha256);
