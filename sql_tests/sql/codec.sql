-- Our Avro reader and writer against avro-c, and every decoder against damaged bytes.
SELECT name, ok FROM proximadb.codec_check();
